"""MRTask: map over chunks where they live, reduce along one canonical tree."""

from h2ok.kernel.task.mrtask import Block, MRTask, OutputSpec, TaskResult

__all__ = ["Block", "MRTask", "OutputSpec", "TaskResult"]
