"""Quoting: models as single functions, their parts, the papers' formulas and the laboratory that checks them.

What is not needed to trade with the default model is loaded, and compiled, when it is first used.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from workbench.lazy import lazy_names
from workbench.quoting.definition import (
    MODEL_FUNCTION_TYPE,
    MODEL_SIGNATURE,
    ModelError,
    QuotingModel,
    find_model,
    is_loaded,
    model,
    model_names,
)
from workbench.quoting.schema import PARAMS, VIEW, Slot

if TYPE_CHECKING:
    from workbench.quoting.arrivals import (
        Sweeps,
        TimedFit,
        VirtualOrders,
        fit_by_time_of_day,
        fit_table,
        mid_before,
        sweep_depths,
        virtual_orders,
    )
    from workbench.quoting.avellaneda import (
        Quotes,
        avellaneda_stoikov_quotes,
        avellaneda_stoikov_spread,
        reservation_price,
        stationary_avellaneda_stoikov_quotes,
    )
    from workbench.quoting.builtin import guide_fixed, guide_volatility, skewed_spread
    from workbench.quoting.calibration import (
        fit_counts,
        fit_depth_bins,
        fit_log_rates,
        fit_survival,
        fit_tail,
    )
    from workbench.quoting.cartea import (
        cartea_jaimungal_depths,
        cartea_jaimungal_stationary,
    )
    from workbench.quoting.gate import inventory_gate
    from workbench.quoting.gueant import (
        Depths,
        GlftConstants,
        glft_closed_form,
        glft_constants,
        glft_exact,
        glft_stationary,
    )
    from workbench.quoting.guide import adjust_spread_for_volatility, calculate_order_prices, should_place_orders
    from workbench.quoting.intensity_fit import (
        CalibrationError,
        IntensityFit,
        Rings,
    )
    from workbench.quoting.laboratory import (
        DepthTable,
        Outcome,
        PaperWorld,
        Simulation,
        avellaneda_stoikov_table,
        exact_outcome,
        glft_table,
        simulate_paper,
        symmetric_table,
    )
    from workbench.quoting.ladder import (
        distance_schedule,
        floor_to_lot,
        level_distance,
        level_size,
        size_schedule,
        split_size,
    )
    from workbench.quoting.layer import (
        IMPROVE,
        JOIN,
        LAYER,
        STEP_BACK,
        bounded_half_spread,
        compose,
        fair_value,
        fee_floor,
        funding_tilt,
        inventory_lots,
        keep_to_touch,
        toxicity_widening,
        write_ladder,
    )
    from workbench.quoting.model_parameters import (
        CalibratedQuoting,
        quoting_parameters,
    )
    from workbench.quoting.papers import (
        avellaneda_stoikov,
        cartea_jaimungal,
        glft,
    )
    from workbench.quoting.preview import (
        quotes_of,
    )
    from workbench.quoting.price_grid import (
        grid,
    )
    from workbench.quoting.rounding import ceil_to_increment, floor_to_increment, half_up_to_increment

__all__ = [
    "IMPROVE",
    "JOIN",
    "LAYER",
    "MODEL_FUNCTION_TYPE",
    "MODEL_SIGNATURE",
    "PARAMS",
    "STEP_BACK",
    "VIEW",
    "CalibratedQuoting",
    "CalibrationError",
    "DepthTable",
    "Depths",
    "GlftConstants",
    "IntensityFit",
    "ModelError",
    "Outcome",
    "PaperWorld",
    "Quotes",
    "QuotingModel",
    "Rings",
    "Simulation",
    "Slot",
    "Sweeps",
    "TimedFit",
    "VirtualOrders",
    "adjust_spread_for_volatility",
    "avellaneda_stoikov",
    "avellaneda_stoikov_quotes",
    "avellaneda_stoikov_spread",
    "avellaneda_stoikov_table",
    "bounded_half_spread",
    "calculate_order_prices",
    "cartea_jaimungal",
    "cartea_jaimungal_depths",
    "cartea_jaimungal_stationary",
    "ceil_to_increment",
    "compose",
    "distance_schedule",
    "exact_outcome",
    "fair_value",
    "fee_floor",
    "find_model",
    "fit_by_time_of_day",
    "fit_counts",
    "fit_depth_bins",
    "fit_log_rates",
    "fit_survival",
    "fit_table",
    "fit_tail",
    "floor_to_increment",
    "floor_to_lot",
    "funding_tilt",
    "glft",
    "glft_closed_form",
    "glft_constants",
    "glft_exact",
    "glft_stationary",
    "glft_table",
    "grid",
    "guide_fixed",
    "guide_volatility",
    "half_up_to_increment",
    "inventory_gate",
    "inventory_lots",
    "is_loaded",
    "keep_to_touch",
    "level_distance",
    "level_size",
    "mid_before",
    "model",
    "model_names",
    "quotes_of",
    "quoting_parameters",
    "reservation_price",
    "should_place_orders",
    "simulate_paper",
    "size_schedule",
    "skewed_spread",
    "split_size",
    "stationary_avellaneda_stoikov_quotes",
    "sweep_depths",
    "symmetric_table",
    "toxicity_widening",
    "virtual_orders",
    "write_ladder",
]

# Each home compiles its own kernels.
__getattr__ = lazy_names(
    __name__,
    {
        "arrivals": "Sweeps TimedFit VirtualOrders fit_by_time_of_day fit_table mid_before sweep_depths virtual_orders",
        "avellaneda": (
            "Quotes avellaneda_stoikov_quotes avellaneda_stoikov_spread reservation_price "
            "stationary_avellaneda_stoikov_quotes"
        ),
        "builtin": "guide_fixed guide_volatility skewed_spread",
        "calibration": "fit_counts fit_depth_bins fit_log_rates fit_survival fit_tail",
        "cartea": "cartea_jaimungal_depths cartea_jaimungal_stationary",
        "gate": "inventory_gate",
        "gueant": "Depths GlftConstants glft_closed_form glft_constants glft_exact glft_stationary",
        "guide": "adjust_spread_for_volatility calculate_order_prices should_place_orders",
        "intensity_fit": "CalibrationError IntensityFit Rings",
        "laboratory": (
            "DepthTable Outcome PaperWorld Simulation avellaneda_stoikov_table exact_outcome glft_table "
            "simulate_paper symmetric_table"
        ),
        "ladder": "distance_schedule floor_to_lot level_distance level_size size_schedule split_size",
        "layer": (
            "IMPROVE JOIN LAYER STEP_BACK bounded_half_spread compose fair_value fee_floor funding_tilt "
            "inventory_lots keep_to_touch toxicity_widening write_ladder"
        ),
        "model_parameters": "CalibratedQuoting quoting_parameters",
        "papers": "avellaneda_stoikov cartea_jaimungal glft",
        "preview": "quotes_of",
        "price_grid": "grid",
        "rounding": "ceil_to_increment floor_to_increment half_up_to_increment",
    },
)
