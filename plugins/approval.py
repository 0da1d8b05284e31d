"""The Airflow operator that asks a person before anything costs money."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.standard.operators.hitl import ApprovalOperator

if TYPE_CHECKING:
    from airflow.sdk import Context


class AskWhenWanted(ApprovalOperator):
    """Waits for an approval if the study's `ask_approval` is on; otherwise passes at once.

    It passes instead of branching: a branch would skip this task in most runs, and the run's
    verdict takes a skipped task for a cancelled one. A rejection skips the rest: nothing was
    created.
    """

    def execute(self, context: Context) -> Any:
        """Defer the task until somebody answers, or return at once."""
        planned = context["ti"].xcom_pull(task_ids="plan")  # a preset may ask, too
        if not planned["ask_approval"]:
            self.log.info("the study asks for no approval")
            return None
        return super().execute(context)
