"""What stops a night, or what is done with nights: the one error of everything around the pipeline."""


class NightError(Exception):
    """What the night cannot do, the rule, what was found, how to fix it.

    >>> str(NightError("the source s3://salaries", rule="must answer within 3 tries", found="none", fix="wait"))
    'the source s3://salaries must answer within 3 tries, found none; wait'
    """

    def __init__(self, what: str, *, rule: str, found: str, fix: str) -> None:
        super().__init__(f"{what} {rule}, found {found}; {fix}")


class BusyError(NightError):
    """A night, a rollback or a gc is running in this project."""
