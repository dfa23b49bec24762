"""The tables of parameters: numbers, decisions and versions, on every database."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from county_gov.contract.access import Actor
from county_gov.store import parameters as rows
from county_gov.store.parameters import Draft, KeptProposal

if TYPE_CHECKING:
    from county_gov.contract.schema import Value
    from county_gov.store import Store, Transaction

BO = Actor("person", "波", account=2)


def draft(value: Value = 50.25, parameter: str = "dam.limit") -> Draft:
    """A value that somebody proposes."""
    return Draft(parameter, "990101", value, "m", 19_000, "文件", "〔2023〕1号", "一", "入汛")


def insert(store: Store, one: Draft) -> int:
    """Write a proposal; its number."""
    return store.submit(lambda tx: rows.insert_proposal(tx, one, name="安", account=1)).result()


def test_proposals_are_numbered_within_their_parameter(any_store: Store) -> None:
    """From one, without gaps, and each comes back as it was written."""
    numbers = [insert(any_store, draft(parameter=one)) for one in ("a.x", "a.y", "a.x")]
    assert [1, 1, 2] == numbers
    found = any_store.read_now(lambda one: rows.read_proposals(one, "a.x"))
    assert [("a.x/1", "open"), ("a.x/2", "open")] == [(one.id, one.state) for one in found]
    first = found[0]
    assert (50.25, "m", 19_000, "安", 1) == (
        first.value,
        first.unit,
        first.effective_from,
        first.proposed_by,
        first.proposed_account,
    )
    assert ("文件", "〔2023〕1号", "一", "入汛") == (
        first.document,
        first.document_number,
        first.article,
        first.reason,
    )
    assert None is any_store.read_now(lambda one: rows.read_proposal(one, "a.x", 3))


@pytest.mark.parametrize("value", [None, True, 3, 0.1, "文", 2**53])
def test_values_come_back_as_they_were(any_store: Store, value: Value) -> None:
    """Whatever their kind."""
    insert(any_store, draft(value))
    (found,) = any_store.read_now(rows.read_proposals)
    assert (value, type(value)) == (found.value, type(found.value))


def test_a_proposal_is_decided_once(any_store: Store) -> None:
    """The second decision changes nothing; approvals are counted and raise the version."""
    insert(any_store, draft())
    insert(any_store, draft())
    versions = [any_store.read_now(rows.read_version)]

    def decide(tx: Transaction) -> list[bool]:
        first, second = rows.read_proposals(tx)
        return [
            rows.decide(tx, second, "approved", actor=BO, reason=""),
            rows.decide(tx, second, "rejected", actor=BO, reason="不"),
            rows.decide(tx, first, "rejected", actor=BO, reason="不"),
        ]

    assert [True, False, True] == any_store.submit(decide).result()
    versions.append(any_store.read_now(rows.read_version))
    assert [0, 1] == versions
    first, second = any_store.read_now(rows.read_proposals)
    assert ("rejected", "波", 2, "不", None) == (
        first.state,
        first.decided_by,
        first.decided_account,
        first.decided_reason,
        first.approval,
    )
    assert ("approved", 1, "") == (second.state, second.approval, second.decided_reason)
    assert (second.number,) == tuple(
        one.number for one in any_store.read_now(lambda s: rows.read_proposals(s, state="approved"))
    )


def test_a_key_stands_for_a_proposal(any_store: Store) -> None:
    """What was kept under an idempotency key is found again, by who made it."""
    kept = KeptProposal("f", "dam.limit", 7)
    any_store.submit(lambda tx: rows.keep_result(tx, "parameters:account:1", "k", kept)).result()
    found = any_store.read_now(lambda one: rows.kept_result(one, "parameters:account:1", "k"))
    assert kept == found
    assert None is any_store.read_now(
        lambda one: rows.kept_result(one, "parameters:account:2", "k")
    )
