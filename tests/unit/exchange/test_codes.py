"""The table "Did it execute?": each kind of answer has one meaning, and a doubt counts as executed."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exchange.codes import Execution, Hold, judge, judge_no_answer, parse_retry_after

UNKNOWN, FAILED, REFUSED, KEY = Execution.UNKNOWN, Execution.FAILED, Execution.REFUSED, Execution.KEY
LOST = "Unknown error, please check your request or try again later."


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (503, None, LOST),
        (503, -1000, LOST),
        (503, -1001, LOST),
        (503, None, "<html>503 Service Unavailable</html>"),
        (503, None, "Service Unavailable"),
        (503, None, ""),
        (408, None, ""),
        (408, -1007, "Timeout waiting for response from backend server."),
        (400, -1007, "Timeout waiting for response from backend server."),
        (200, -1007, "Timeout waiting for response from backend server."),
        (400, -1006, "An unexpected response was received from the message bus."),
        (400, -4116, "ClientOrderId is duplicated."),
        (200, -4116, "ClientOrderId is duplicated."),
        (400, -1000, "An unknown error occurred while processing the request."),
        (500, None, "Internal Server Error"),
        (502, None, "Bad Gateway"),
        (504, None, "Gateway Time-out"),
        (500, -2022, "ReduceOnly Order is rejected."),
        (500, -2015, "Invalid API-key, IP, or permissions for action."),
        (302, None, ""),
        (200, None, ""),
        (200, 200, "success"),
    ],
)
def test_an_order_that_may_have_executed_is_unknown(status: int, code: int | None, message: str) -> None:
    assert judge(status, code, message).execution is UNKNOWN


@pytest.mark.parametrize(
    ("status", "code", "message"),
    [
        (503, None, "Service Unavailable."),
        (503, None, "Internal error; unable to process your request. Please try again."),
        (503, -1001, "Internal error; unable to process your request. Please try again."),
        (400, -1001, "Internal error; unable to process your request. Please try again."),
        (503, -1008, "Server is currently overloaded with other requests. Please try again in a few minutes."),
        (400, -1021, "Timestamp for this request is outside of the recvWindow."),
        (400, -5028, "Timestamp for this request is outside of the ME recvWindow."),
        (200, -5028, "Timestamp for this request is outside of the ME recvWindow."),
        (429, None, ""),
        (429, -1003, "Too many requests."),
        (418, -1003, "Way too many requests."),
        (400, -1003, "Too many requests."),
        (200, -1015, "Too many new orders."),
        (429, -1015, "Too many new orders."),
        (403, None, "<html>forbidden</html>"),
    ],
)
def test_an_order_that_surely_did_not_execute_may_be_sent_again(status: int, code: int | None, message: str) -> None:
    assert judge(status, code, message).execution is FAILED


@pytest.mark.parametrize(
    "code",
    [-2022, -4164, -2019, -4061, -4118, -4131, -4141, -1106, -1111, -4005, -4015, -4140, -1121, -9999, None],
)
@pytest.mark.parametrize("status", [400, 404])
def test_any_other_client_error_is_a_refusal(status: int, code: int | None) -> None:
    assert judge(status, code, "No.").execution is REFUSED


@pytest.mark.parametrize("code", [-2022, -4131, -4005])
def test_an_error_element_of_a_batch_is_judged_by_its_code(code: int) -> None:
    assert judge(200, code, "No.").execution is REFUSED


@pytest.mark.parametrize("code", [-1022, -2014, -2015])
@pytest.mark.parametrize("status", [400, 401, 403])
def test_a_rejected_key_is_told_apart(status: int, code: int) -> None:
    assert judge(status, code, "Bad key.").execution is KEY


def test_the_wait_is_the_venues_when_it_states_one() -> None:
    assert judge(429, -1003, "Too many requests.", retry_after_ms=7_000).retry_after_ms == 7_000
    assert judge(418, None, "", retry_after_ms=300_000).retry_after_ms == 300_000


def test_a_ban_without_a_stated_end_lasts_at_least_the_shortest_ban() -> None:
    assert judge(418, None, "").retry_after_ms == 120_000


def test_the_end_of_a_ban_is_read_from_the_message() -> None:
    message = "Way too many requests; IP banned until 1700000009000. Please use the websocket for live updates."

    assert judge(418, -1003, message, now_ms=1_700_000_000_000).retry_after_ms == 9_000


def test_a_ban_far_in_the_future_is_cut_to_the_longest_there_is() -> None:
    assert judge(418, -1003, "banned until 9999999999999", now_ms=0).retry_after_ms == 3 * 86_400_000


def test_too_many_requests_silences_everything_and_too_many_orders_only_orders() -> None:
    assert judge(429, -1003, "Too many requests.").hold is Hold.EVERYTHING
    assert judge(418, None, "").hold is Hold.EVERYTHING
    assert judge(429, -1015, "Too many new orders.").hold is Hold.ORDERS
    assert judge(400, -2022, "ReduceOnly Order is rejected.").hold is Hold.NOTHING


def test_a_request_that_never_left_is_told_apart_and_any_other_without_an_answer_is_unknown() -> None:
    assert judge_no_answer("no connection", sent=False).execution is Execution.UNSENT
    assert judge_no_answer("no answer within 6000 ms", sent=True).execution is UNKNOWN


def test_the_reason_says_status_code_and_message() -> None:
    assert judge(400, -2022, "ReduceOnly Order is rejected.").reason == (
        "HTTP 400 code -2022: ReduceOnly Order is rejected."
    )


@pytest.mark.parametrize(
    ("header", "wait_ms"),
    [(None, None), ("3", 3_000), ("0.5", 500), ("", None), ("soon", None), ("-1", None), ("nan", None), ("inf", None)],
)
def test_retry_after_is_seconds_or_nothing(header: str | None, wait_ms: int | None) -> None:
    assert parse_retry_after(header) == wait_ms


@given(st.integers(100, 599), st.none() | st.integers(-10_000, 10_000), st.text(max_size=200))
def test_every_answer_is_judged_and_no_server_error_is_ever_a_refusal(
    status: int, code: int | None, message: str
) -> None:
    judgement = judge(status, code, message)

    assert judgement.retry_after_ms >= 0
    if status >= 500:
        assert judgement.execution in (UNKNOWN, FAILED)
