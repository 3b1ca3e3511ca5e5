"""A stand-in for Cloud Run's API, spoken over gRPC with Google's own messages; there is no emulator of it.

What a container would do is told by its run's name: see `PLANS`. Each call first takes the next of its `faults`.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import grpc
from google.cloud import run_v2
from google.longrunning import operations_pb2

State, Reason = run_v2.Condition.State, run_v2.Condition.ExecutionReason
JOB = "projects/p/locations/europe-west1/jobs/nevus-training"
PLANS = {"good": (State.CONDITION_SUCCEEDED, 0.2), "bad": (State.CONDITION_FAILED, 0.2)}  # and how soon, in seconds
Methods = dict[str, tuple[Any, Any, Any]]  # work, type of the request, how the answer is written
UNAVAILABLE, LATE, LOST, BUSY = "unavailable", "late", "lost", "busy"


@dataclass
class CloudRun:
    """Where it listens, what it was told, and which faults come next, by method."""

    endpoint: str = ""
    executions: dict[str, run_v2.Execution] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    faults: dict[str, list[str]] = field(default_factory=lambda: defaultdict(list))
    ends: dict[str, float] = field(default_factory=dict)

    async def run_job(self, request: run_v2.RunJobRequest, _: Any) -> operations_pb2.Operation:
        arguments = list(request.overrides.container_overrides[0].args)
        name = f"{request.name}/executions/nevus-training-{len(self.executions)}"
        container = run_v2.Container(args=arguments)
        execution = run_v2.Execution(
            name=name, job=request.name, template={"containers": [container]}, log_uri=f"https://logs.test/{name}"
        )
        self.executions[name] = execution
        self.ends[name] = asyncio.get_running_loop().time() + PLANS.get(arguments[-1], (None, 1e9))[1]
        operation = operations_pb2.Operation(name="operations/1")
        operation.metadata.Pack(run_v2.Execution.pb(execution))
        return operation

    async def get_execution(self, request: run_v2.GetExecutionRequest, context: Any) -> run_v2.Execution:
        execution = await self.known(request.name, context)
        if asyncio.get_running_loop().time() > self.ends[request.name] and not execution.conditions:
            self.complete(execution, PLANS[execution.template.containers[0].args[-1]][0])
        return execution

    async def list_executions(self, request: run_v2.ListExecutionsRequest, _: Any) -> run_v2.ListExecutionsResponse:
        newest = [each for each in reversed(self.executions.values()) if each.job == request.parent]
        return run_v2.ListExecutionsResponse(executions=newest[: request.page_size])

    async def cancel_execution(self, request: run_v2.CancelExecutionRequest, context: Any) -> operations_pb2.Operation:
        execution = await self.known(request.name, context)
        if execution.conditions:
            await context.abort(grpc.StatusCode.FAILED_PRECONDITION, "it has ended")
        self.complete(execution, State.CONDITION_FAILED, Reason.CANCELLED)
        return operations_pb2.Operation(name="operations/2")

    async def known(self, name: str, context: Any) -> run_v2.Execution:
        if not name.startswith(JOB):
            await context.abort(grpc.StatusCode.INVALID_ARGUMENT, name)
        if name not in self.executions:
            await context.abort(grpc.StatusCode.NOT_FOUND, name)
        return self.executions[name]

    def complete(self, execution: run_v2.Execution, state: Any, reason: Any = Reason.NON_ZERO_EXIT_CODE) -> None:
        condition = run_v2.Condition(type_="Completed", state=state, message="Task nevus-0 ended.")
        if state == State.CONDITION_FAILED:
            condition.execution_reason = reason
        execution.conditions = [condition]

    def faulty(self, name: str, work: Callable[[Any, Any], Awaitable[Any]]) -> Callable[[Any, Any], Awaitable[Any]]:
        async def answered(request: Any, context: Any) -> Any:
            self.calls.append(name)
            fault = self.faults[name].pop(0) if self.faults[name] else ""
            if fault == LATE:
                await asyncio.sleep(60)
            if fault == BUSY:
                await context.abort(grpc.StatusCode.RESOURCE_EXHAUSTED, fault)
            if fault == UNAVAILABLE:
                await context.abort(grpc.StatusCode.UNAVAILABLE, fault)
            answer = await work(request, context)
            if fault == LOST:
                await context.abort(grpc.StatusCode.UNAVAILABLE, fault)
            return answer

        return answered

    def handlers(self) -> tuple[Any, ...]:
        operation, execution = operations_pb2.Operation.SerializeToString, run_v2.Execution.serialize
        listed = run_v2.ListExecutionsResponse.serialize
        jobs: Methods = {"RunJob": (self.run_job, run_v2.RunJobRequest, operation)}
        executions: Methods = {
            "GetExecution": (self.get_execution, run_v2.GetExecutionRequest, execution),
            "ListExecutions": (self.list_executions, run_v2.ListExecutionsRequest, listed),
            "CancelExecution": (self.cancel_execution, run_v2.CancelExecutionRequest, operation),
        }
        return tuple(
            grpc.method_handlers_generic_handler(
                f"google.cloud.run.v2.{service}",
                {
                    name: grpc.unary_unary_rpc_method_handler(self.faulty(name, work), kind.deserialize, serialize)
                    for name, (work, kind, serialize) in methods.items()
                },
            )
            for service, methods in (("Jobs", jobs), ("Executions", executions))
        )


@asynccontextmanager
async def cloud_run() -> AsyncIterator[CloudRun]:
    """Served on a free port."""
    fake, server = CloudRun(), grpc.aio.server()
    server.add_generic_rpc_handlers(fake.handlers())
    fake.endpoint = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    try:
        yield fake
    finally:
        await server.stop(None)
