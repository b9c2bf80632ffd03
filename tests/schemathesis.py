"""Adapts the requests that `cargo xtask schemathesis` generates."""

import schemathesis

WAITING = ("POST /api/v1/locks/{name}", "POST /api/v1/elections/{name}/campaign")


@schemathesis.hook
def map_body(context, body):
    """Limits `wait` to one second, since the demo holds its locks for as long as it runs.

    A `wait` that is not a number stays as generated.
    """
    if context.operation.label in WAITING and isinstance(body, dict):
        wait = body.get("wait")
        if wait is None or (type(wait) is int and wait > 1):
            body["wait"] = 1
    return body
