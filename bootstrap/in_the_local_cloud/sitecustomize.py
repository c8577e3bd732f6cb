"""On the local cloud's PYTHONPATH only: makes it what AWS is where it leaves no other way to.

Its Lambda runtime sockets answer at once. Without that a small answer waits for the acknowledgement of the packet before it
(Nagle's algorithm), which makes every call of a function 40 ms slower than it is.

Where its tasks are real ones (`DOCKER_HOST`), the first deployment of a service rolls out as later ones do. Without that it is
completed before a task runs, and the circuit breaker never looks at a worker that cannot start.
"""

import os
import socketserver
import sys

socketserver.StreamRequestHandler.disable_nagle_algorithm = True


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


# Not in the functions, which inherit the variables.
if os.environ.get("DOCKER_HOST") and [os.path.basename(part) for part in sys.orig_argv[1:2]] == ["ministack"]:
    roll_out_first_deployments()
