"""Changes that `cargo xtask schemathesis` makes to generated requests."""

import schemathesis

WAITING = ("POST /api/v1/locks/{name}", "POST /api/v1/elections/{name}/campaign")


@schemathesis.hook
def map_body(context, body):
    """The demo never releases its locks, so no request waits for them longer than a second.

    A wait that is not a number of seconds stays as generated.
    """
    if context.operation.label in WAITING and isinstance(body, dict):
        wait = body.get("wait")
        if wait is None or (type(wait) is int and wait > 1):
            body["wait"] = 1
    return body
