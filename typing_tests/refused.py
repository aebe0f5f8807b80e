"""What mypy must refuse: one misspelt name for each way in. `tests/tools/test_typing.py` counts the errors."""

import churnlib as cl

log = cl.EventLgo.from_frame  # a class of the front door
rate = cl.metrics.lift_scroe  # a function of a room
offer = cl.RetentionOffer(acceptrate=0.1, clv=200, offer_cost=10, contact_cost=1)  # an argument
room = cl.metrix  # a room
