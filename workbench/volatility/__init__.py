"""Volatility: estimators over arrays and event by event, with units said; and the guide's, as printed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.lazy import lazy_names
from workbench.volatility.ewma import EwmaVolatility, ewma_volatility
from workbench.volatility.guide import GuideVolatility, calculate_volatility, guide_estimator

if TYPE_CHECKING:
    from workbench.volatility.bar_input import make_bars
    from workbench.volatility.bars import (
        BarVariance,
        close_to_close_variance,
        garman_klass_variance,
        garman_klass_yang_zhang_variance,
        parkinson_variance,
        rogers_satchell_variance,
        yang_zhang_variance,
    )
    from workbench.volatility.garch import GarchFit, fit_garch
    from workbench.volatility.inputs import Holes, Sampling
    from workbench.volatility.kernel import noise_variance, parzen_bandwidth, parzen_weights, realised_kernel
    from workbench.volatility.periods import by_period, signature
    from workbench.volatility.realised import (
        JumpTest,
        bipower_variance,
        jump_test,
        realised_variance,
        sample_prices,
        subsampled_variance,
        two_scale_variance,
    )
    from workbench.volatility.recursion import (
        EwmaVariance,
        IrregularEwmaVariance,
        ewma_variance,
        irregular_ewma_variance,
    )
    from workbench.volatility.seasonality import TimeOfDayVariance, seasonal_factors, time_of_day_variance
    from workbench.volatility.streams import (
        BipowerVariance,
        RealisedKernel,
        RealisedVariance,
        SubsampledVariance,
        TwoScaleVariance,
    )
    from workbench.volatility.units import HORIZONS, Variance, convert_volatility, horizon_seconds, to_volatility

__all__ = [
    "HORIZONS",
    "BarVariance",
    "BipowerVariance",
    "EwmaVariance",
    "EwmaVolatility",
    "GarchFit",
    "GuideVolatility",
    "Holes",
    "IrregularEwmaVariance",
    "JumpTest",
    "RealisedKernel",
    "RealisedVariance",
    "Sampling",
    "SubsampledVariance",
    "TimeOfDayVariance",
    "TwoScaleVariance",
    "Variance",
    "bipower_variance",
    "by_period",
    "calculate_volatility",
    "close_to_close_variance",
    "convert_volatility",
    "ewma_variance",
    "ewma_volatility",
    "fit_garch",
    "garman_klass_variance",
    "garman_klass_yang_zhang_variance",
    "guide_estimator",
    "horizon_seconds",
    "irregular_ewma_variance",
    "jump_test",
    "make_bars",
    "noise_variance",
    "parkinson_variance",
    "parzen_bandwidth",
    "parzen_weights",
    "realised_kernel",
    "realised_variance",
    "rogers_satchell_variance",
    "sample_prices",
    "seasonal_factors",
    "signature",
    "subsampled_variance",
    "time_of_day_variance",
    "to_volatility",
    "two_scale_variance",
    "yang_zhang_variance",
]

# Trading needs the live estimators only, and starts without pandas.
__getattr__ = lazy_names(
    __name__,
    {
        "bar_input": "make_bars",
        "bars": (
            "BarVariance close_to_close_variance garman_klass_variance garman_klass_yang_zhang_variance "
            "parkinson_variance rogers_satchell_variance yang_zhang_variance"
        ),
        "garch": "GarchFit fit_garch",
        "inputs": "Holes Sampling",
        "kernel": "noise_variance parzen_bandwidth parzen_weights realised_kernel",
        "periods": "by_period signature",
        "realised": (
            "JumpTest bipower_variance jump_test realised_variance sample_prices subsampled_variance two_scale_variance"
        ),
        "recursion": "EwmaVariance IrregularEwmaVariance ewma_variance irregular_ewma_variance",
        "seasonality": "TimeOfDayVariance seasonal_factors time_of_day_variance",
        "streams": "BipowerVariance RealisedKernel RealisedVariance SubsampledVariance TwoScaleVariance",
        "units": "HORIZONS Variance convert_volatility horizon_seconds to_volatility",
    },
)


def __dir__() -> list[str]:
    return __all__
