from __future__ import annotations

import uuid
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examples.tenants.requests import Invalid, NewInvitation, NewTenant


def test_a_slug_is_made_from_the_name():
    new = NewTenant.read({"name": "  Wayne   Enterprises, Inc. "})

    assert (new.name, new.slug, new.metadata) == ("Wayne Enterprises, Inc.", "wayne-enterprises-inc", {})


def test_all_problems_are_told_at_once():
    with pytest.raises(Invalid) as caught:
        NewTenant.read({"slug": "No Spaces", "metadata": [], "plan": "x"})

    assert set(caught.value.problems) == {"name", "slug", "metadata", "plan"}


@pytest.mark.parametrize("body", [None, [], "x", 7])
def test_a_body_that_is_no_object(body: Any):
    with pytest.raises(Invalid, match="body must be an object"):
        NewTenant.read(body)


@pytest.mark.parametrize("email", ["a@b", "a b@c.example", "a@c.example\nBcc: x", "<a>@@c.example", "ä@c.example", 7])
def test_an_address_that_could_not_be_mailed_is_refused(email: Any):
    with pytest.raises(Invalid, match="email must be"):
        NewInvitation.read({"tenant_id": str(uuid.uuid4()), "email": email})


def test_an_invitation_is_for_a_member_unless_it_says_otherwise():
    tenant_id = uuid.uuid4()

    new = NewInvitation.read({"tenant_id": str(tenant_id), "email": "a.b+c@d-e.example"})

    assert (new.tenant_id, new.role, new.email) == (tenant_id, "member", "a.b+c@d-e.example")


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(st.dictionaries(st.sampled_from(["name", "slug", "metadata", "tenant_id", "role", "email", "?"]), JSON) | JSON)
def test_any_json_is_read_or_refused(body: Any):
    for form in (NewTenant, NewInvitation):
        try:
            form.read(body)
        except Invalid as error:
            assert error.problems  # noqa: PT017
