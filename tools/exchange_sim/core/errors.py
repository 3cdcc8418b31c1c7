"""The venue's refusals: codes, texts and HTTP statuses of Binance USD-M futures (its error code documentation)."""

from typing import Final

BAD_REQUEST: Final = 400
UNAUTHORIZED: Final = 401
TOO_MANY_REQUESTS: Final = 429
BANNED: Final = 418
UNAVAILABLE: Final = 503

TEXTS: Final[dict[int, str]] = {
    -1000: "An unknown error occurred while processing the request.",
    -1001: "Internal error; unable to process your request. Please try again.",
    -1003: "Too many requests; current limit is %s requests per minute. Please use the websocket for live updates.",
    -1006: "An unexpected response was received from the message bus. Execution status unknown.",
    -1007: "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
    -1008: "Request throttled by system-level protection. Reduce-only/close-position orders are exempt. "
    "Please try again.",
    -1015: "Too many new orders; current limit is %s orders per %s.",
    -1021: "Timestamp for this request is outside of the recvWindow.",
    -1022: "Signature for this request is not valid.",
    -1100: "Illegal characters found in parameter '%s'; legal range is '%s'.",
    -1102: "Mandatory parameter '%s' was not sent, was empty/null, or malformed.",
    -1106: "Parameter '%s' sent when not required.",
    -1111: "Precision is over the maximum defined for this asset.",
    -1115: "Invalid timeInForce.",
    -1116: "Invalid orderType.",
    -1117: "Invalid side.",
    -1121: "Invalid symbol.",
    -1125: "This listenKey does not exist.",
    -1130: "Data sent for parameter '%s' is not valid.",
    -2011: "Unknown order sent.",
    -2013: "Order does not exist.",
    -2014: "API-key format invalid.",
    -2015: "Invalid API-key, IP, or permissions for action.",
    -2019: "Margin is insufficient.",
    -2021: "Order would immediately trigger.",
    -2022: "ReduceOnly Order is rejected.",
    -4003: "Quantity less than or equal to zero.",
    -4004: "Quantity less than min quantity.",
    -4005: "Quantity greater than max quantity.",
    -4013: "Price less than min price.",
    -4014: "Price not increased by tick size.",
    -4015: "Client order id is not valid.",
    -4016: "Price is higher than mark price multiplier cap.",
    -4023: "Quantity not increased by step size.",
    -4024: "Price is lower than mark price multiplier floor.",
    -4059: "No need to change position side.",
    -4061: "Order's position side does not match user's setting.",
    -4067: "Position side cannot be changed if there exists open orders.",
    -4068: "Position side cannot be changed if there exists position.",
    -4082: "Invalid number of batch place orders.",
    -4116: "ClientOrderId is duplicated.",
    -4118: "ReduceOnly Order Failed. Please check your existing position and open orders.",
    -4120: "Order type not supported for this endpoint. Please use the Algo Order API endpoints instead.",
    -4131: "The counterparty's best price does not meet the PERCENT_PRICE filter limit.",
    -4140: "Invalid symbol status for opening position.",
    -4141: "Symbol is closed.",
    -4164: "Order's notional must be no smaller than %s (unless you choose reduce only).",
    -5022: "Due to the order could not be executed as maker, the Post Only order will be rejected.",
    -5028: "Timestamp for this request is outside of the ME recvWindow.",
}

STATUSES: Final[dict[int, int]] = {
    -1001: UNAVAILABLE,
    -1003: TOO_MANY_REQUESTS,
    -1006: UNAVAILABLE,
    -1007: 408,
    -1008: UNAVAILABLE,
    -1015: TOO_MANY_REQUESTS,
    -2014: UNAUTHORIZED,
    -2015: UNAUTHORIZED,
}
"""Where a code does not come with 400."""


class VenueError(Exception):
    """The venue refuses a request, or one order of a batch. Nothing was executed unless a fault says otherwise."""

    def __init__(
        self, code: int, msg: str, *, http_status: int = BAD_REQUEST, retry_after_s: int | None = None
    ) -> None:
        super().__init__(f"{code} {msg}")
        self.code = code
        self.msg = msg
        self.http_status = http_status
        self.retry_after_s = retry_after_s

    def body(self) -> dict[str, object]:
        """Return the JSON object that the venue sends."""
        return {"code": self.code, "msg": self.msg}


def refusal(code: int, *details: object, retry_after_s: int | None = None) -> VenueError:
    """Build the refusal with `code`, its documented text (filled with `details`) and its HTTP status."""
    text = TEXTS.get(code, "Simulated refusal.")
    msg = text % details if details else text
    return VenueError(code, msg, http_status=STATUSES.get(code, BAD_REQUEST), retry_after_s=retry_after_s)
