"""The compiled part of the backtest: everything here is stamped into the cache of its kernels, nothing else is."""
