"""The flow that the tests run: see server.rs."""

from prefect import flow


@flow(log_prints=True)
def greet():
    print("hello from a task")
