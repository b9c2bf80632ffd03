"""What `cargo xtask schemathesis` changes in the requests that it makes up."""

import schemathesis

WAITING = ("POST /api/v1/locks/{name}", "POST /api/v1/elections/{name}/campaign")


@schemathesis.hook
def map_body(context, body):
    """The demo holds its locks for as long as it runs: nobody waits for them longer than a second.

    What is no number of seconds stays as it was made up.
    """
    if context.operation.label in WAITING and isinstance(body, dict):
        wait = body.get("wait")
        if wait is None or (type(wait) is int and wait > 1):
            body["wait"] = 1
    return body
