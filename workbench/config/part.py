"""What every part of the configuration has in common: strict, immutable, and all that is wrong said at once."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from workbench.errors import ConfigError, did_you_mean

__all__ = ["NonNegative", "Part", "Positive"]

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NonNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


class Part(BaseModel):
    """Base of every part: immutable, no unknown names, and `ConfigError` with all problems for what is wrong."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)

    def __init__(self, **fields: Any) -> None:
        try:
            super().__init__(**fields)
        except ValidationError as error:
            raise ConfigError(_sentences(type(self), error)) from None

    def __repr__(self) -> str:
        """Only what differs from the default."""
        shown = []
        for name, info in type(self).model_fields.items():
            value = getattr(self, name)
            default = info.get_default(call_default_factory=True)
            if value != default:
                shown.append(f"{name}={value!r}" if info.repr else f"{name}=<{len(value)} characters>")
        return f"{type(self).__name__}({', '.join(shown)})"


def _sentences(model: type[BaseModel], error: ValidationError) -> list[str]:
    """One sentence a problem: name, value, what was expected, the nearest name."""
    sentences: list[str] = []
    for item in error.errors():
        cause = item.get("ctx", {}).get("error")
        name = ".".join(str(part) for part in item["loc"])
        if isinstance(cause, ConfigError):
            sentences += [f"{name}.{problem}" if name else problem for problem in cause.problems]
        elif item["type"] == "extra_forbidden":
            sentences.append(f"{name}: no such setting{did_you_mean(name.split('.')[-1], model.model_fields)}")
        elif not item["loc"]:
            sentences.append(str(cause) if cause else item["msg"])
        else:
            sentences.append(f"{name} is {item['input']!r}; expected: {_expected(item['msg'])}")
    return sentences


def _expected(message: str) -> str:
    message = message.removeprefix("Value error, ")
    for prefix in ("Input should be a ", "Input should be "):
        if message.startswith(prefix):
            return message[len(prefix) :]
    return message
