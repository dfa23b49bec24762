"""What ``[plugin.config]`` of the reservoir plugin may say."""

from __future__ import annotations

from attrs import field, frozen, validators


@frozen
class ReservoirConfig:
    """How the county watches its reservoirs; the limits themselves are set on a page.

    Args:
        near_limit_m: So far below the flood limit a fast rise or heavy rain is told, metres.
        fast_rise_m: A rise within one hour that counts as fast, metres.
        heavy_rain_mm: Rain within three hours that counts as heavy, millimetres.
        far_above_m: So far above the flood limit the alert becomes one level graver, metres.
        freeboard_m: So far below the crest of the dam the highest level begins, metres.
        settled_m: So far below a level's limit the water must fall before that level ends, metres.
        patrol_hours: Hours between two patrols while an alert lasts.
        report_time: Local time of the daily report.
        chart_hours: Hours that the page draws.
    """

    near_limit_m: float = field(default=0.5, validator=validators.ge(0))
    fast_rise_m: float = field(default=0.3, validator=validators.gt(0))
    heavy_rain_mm: float = field(default=30.0, validator=validators.gt(0))
    far_above_m: float = field(default=0.5, validator=validators.gt(0))
    freeboard_m: float = field(default=1.5, validator=validators.gt(0))
    settled_m: float = field(default=0.2, validator=validators.gt(0))
    patrol_hours: int = field(
        default=2, validator=validators.and_(validators.ge(1), validators.le(24))
    )
    report_time: str = field(
        default="08:00", validator=validators.matches_re(r"([01]\d|2[0-3]):[0-5]\d")
    )
    chart_hours: int = field(
        default=72, validator=validators.and_(validators.ge(3), validators.le(744))
    )
