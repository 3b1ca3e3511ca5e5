"""The training job on Cloud Run: one execution a run, known by its arguments."""

from __future__ import annotations

import asyncio
from typing import Any

import google.auth
import grpc
from google.api_core import exceptions as api
from google.cloud import run_v2
from google.cloud.run_v2.services.executions.transports import ExecutionsGrpcAsyncIOTransport
from google.cloud.run_v2.services.jobs.transports import JobsGrpcAsyncIOTransport

from nevus.adapters.google_calls import repeated, reported
from nevus.ports import JobReport, JobState, NotFound

Clients = tuple[run_v2.JobsAsyncClient, run_v2.ExecutionsAsyncClient]
HOST = "run.googleapis.com"
State, Reason = run_v2.Condition.State, run_v2.Condition.ExecutionReason
CALL_DEADLINE = 3.0  # seconds of one look at an execution, or its cancellation
START_DEADLINE = 15.0
STARTS = 3
RECENT = 20  # executions among which a run's own is looked for; only one run is active at a time
SCOPES = ("https://www.googleapis.com/auth/cloud-platform",)


class CloudRunJobs:
    """A `JobRunner` over the job `projects/P/locations/R/jobs/J`, whose entry point takes `retrain --run ID`.

    `endpoint` is `host:port` of a stand-in without TLS.
    """

    def __init__(self, job: str, *, endpoint: str = "", deadline: float = CALL_DEADLINE, pause: float = 1.0) -> None:
        self._job, self._endpoint, self._deadline = job, endpoint, deadline
        self._pause, self._opening = pause, asyncio.Lock()
        self._clients: Clients | None = None
        self._channel: Any = None

    async def start(self, run_id: str) -> str:
        """The execution's full name. Raises Unavailable, NotFound for the job itself.

        Starting is not safe to repeat: before each try the execution is looked for, since an answer may have been lost.
        """
        with reported(self._job):
            return await repeated(
                lambda: self._found_or_started(["retrain", "--run", run_id]),
                attempts=STARTS,
                within=STARTS * START_DEADLINE,
                pause=self._pause,
            )

    async def report(self, job: str) -> JobReport:
        """Where an execution stands; raises NotFound, Unavailable."""
        with reported(job):
            _, executions = await self._open()
            try:
                found = await repeated(lambda: executions.get_execution(name=job, timeout=self._deadline))
            except api.InvalidArgument as error:  # another runner's name
                raise NotFound(job) from error
        return to_report(found)

    async def cancel(self, job: str) -> None:
        """End it soon; raises Unavailable."""
        with reported(job):
            _, executions = await self._open()
            try:
                await repeated(lambda: executions.cancel_execution(name=job, timeout=self._deadline))
            except (api.NotFound, api.FailedPrecondition, api.InvalidArgument):
                return  # it is gone, or has ended

    async def close(self) -> None:
        """Close the channel."""
        if self._channel is not None:
            await self._channel.close()

    async def _found_or_started(self, arguments: list[str]) -> str:
        return await self._found(arguments) or await self._started(arguments)

    async def _found(self, arguments: list[str]) -> str | None:
        _, executions = await self._open()
        request = run_v2.ListExecutionsRequest(parent=self._job, page_size=RECENT)
        newest = await executions.list_executions(request, timeout=self._deadline)
        matching = (each for each in newest.executions if is_called_with(each, arguments))
        return next((str(each.name) for each in matching), None)

    async def _started(self, arguments: list[str]) -> str:
        jobs, _ = await self._open()
        container = run_v2.RunJobRequest.Overrides.ContainerOverride(args=arguments)
        overrides = run_v2.RunJobRequest.Overrides(container_overrides=[container])
        request = run_v2.RunJobRequest(name=self._job, overrides=overrides)
        operation = await jobs.run_job(request, timeout=min(START_DEADLINE, 5 * self._deadline))
        return str(operation.metadata.name)

    async def _open(self) -> Clients:
        """On one channel, opened when first used."""
        async with self._opening:
            if self._clients is None:
                self._channel = await self._connect()
                jobs = run_v2.JobsAsyncClient(transport=JobsGrpcAsyncIOTransport(channel=self._channel))
                transport = ExecutionsGrpcAsyncIOTransport(channel=self._channel)
                self._clients = jobs, run_v2.ExecutionsAsyncClient(transport=transport)
            return self._clients

    async def _connect(self) -> Any:
        if self._endpoint:
            return grpc.aio.insecure_channel(self._endpoint)
        credentials, _ = await asyncio.to_thread(google.auth.default, scopes=SCOPES)
        return JobsGrpcAsyncIOTransport.create_channel(HOST, credentials=credentials, scopes=SCOPES)


def is_called_with(execution: run_v2.Execution, arguments: list[str]) -> bool:
    """Whether its container has these arguments."""
    return any(list(container.args) == arguments for container in execution.template.containers)


def to_report(execution: run_v2.Execution) -> JobReport:
    """In the port's words."""
    logs_url = execution.log_uri or None
    completed = next((each for each in execution.conditions if each.type_ == "Completed"), None)
    if completed is None or completed.state not in (State.CONDITION_SUCCEEDED, State.CONDITION_FAILED):
        return JobReport(JobState.RUNNING, logs_url=logs_url)
    if completed.state == State.CONDITION_SUCCEEDED:
        return JobReport(JobState.SUCCEEDED, logs_url=logs_url)
    if completed.execution_reason in (Reason.CANCELLED, Reason.DELETED):
        return JobReport(JobState.CANCELLED, completed.message, logs_url)
    return JobReport(JobState.FAILED, completed.message or "The job failed on Cloud Run.", logs_url)
