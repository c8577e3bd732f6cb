"""On the local cloud's PYTHONPATH only: makes it what AWS is where it leaves no other way to.

Its Lambda runtime sockets answer at once. Without that a small answer waits for the acknowledgement of the packet before it
(Nagle's algorithm), which makes every call of a function 40 ms slower than it is.

The first version of a secret is called what the token of its create says. Otherwise a change that makes one does not know
its own.

Where thousands of runs wait for it, each in an account of its own (`SERVE_WITH_UVICORN`), uvicorn serves it: hypercorn,
which it brings, takes most of a request's time. And an account can be closed there: it looks through everything of
every account to find what is one's own, so that what earlier runs left would make each run slower than the one before.

Where its tasks are real ones (`DOCKER_HOST`), the first deployment of a service rolls out as later ones do. Without that it is
completed before a task runs, and the circuit breaker never looks at a worker that cannot start.
"""

import json
import os
import socketserver
import sys

socketserver.StreamRequestHandler.disable_nagle_algorithm = True


def call_first_versions_as_their_creates():
    from ministack.services import secretsmanager

    create = secretsmanager._create_secret

    def created(data):
        status, headers, body = create(data)
        token = data.get("ClientRequestToken")
        if status != 200 or not token:
            return status, headers, body
        answer, versions = json.loads(body), secretsmanager._secrets[data["Name"]]["Versions"]
        versions[token] = versions.pop(answer["VersionId"])
        return secretsmanager.json_response(dict(answer, VersionId=token))

    secretsmanager._create_secret = created


def roll_out_first_deployments():
    from ministack.services import ecs

    make = ecs._make_deployment

    def made(task_definition, desired_count, status="PRIMARY"):
        deployment = make(task_definition, desired_count, status)
        if desired_count:
            deployment.update(rolloutState="IN_PROGRESS", rolloutStateReason="ECS deployment in progress.")
        return deployment

    ecs._make_deployment = made
    # Seconds for which a new task must run before its deployment is completed: on AWS more than a minute.
    ecs._ECS_DEPLOYMENT_STEADY_DELAY = 2.0


def closing_accounts(app):
    """The app, and `DELETE /accounts/<number>`, which forgets everything of the account."""
    from ministack.core.responses import AccountRegionScopedDict, AccountScopedDict

    def close(account):
        modules = [module for name, module in list(sys.modules.items()) if name.startswith("ministack.services.")]
        for store in [value for module in modules for value in list(vars(module).values())]:
            if isinstance(store, (AccountScopedDict, AccountRegionScopedDict)):
                for key in [key for key in list(store._data) if key[0] == account]:
                    store._data.pop(key, None)

    async def answer(scope, receive, send):
        if scope["type"] != "http" or scope["method"] != "DELETE" or not scope["path"].startswith("/accounts/"):
            return await app(scope, receive, send)
        close(scope["path"].removeprefix("/accounts/"))
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    return answer


def serve_with_uvicorn():
    import hypercorn.asyncio
    import uvicorn

    async def serve(app, config):
        host, port = config.bind[0].rsplit(":", 1)
        settings = uvicorn.Config(
            closing_accounts(app),
            host=host,
            port=int(port),
            http="httptools",
            ws="none",
            loop="none",
            lifespan="on",
            access_log=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=int(config.keep_alive_timeout),
            log_level="warning",
        )
        await uvicorn.Server(settings).serve()

    hypercorn.asyncio.serve = serve


# Not in the functions, which inherit the variables.
if [os.path.basename(part) for part in sys.orig_argv[1:2]] == ["ministack"]:
    call_first_versions_as_their_creates()
    if os.environ.get("DOCKER_HOST"):
        roll_out_first_deployments()
    if os.environ.get("SERVE_WITH_UVICORN"):
        serve_with_uvicorn()
