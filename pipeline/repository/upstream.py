"""The branch of a remote that the user's branch follows: a new commit goes on top of it, or not at all."""

from collections.abc import Callable
from dataclasses import dataclass

from pipeline.repository.project import DVC, NO_HOOKS, Project
from pipeline.repository.workspace import Workspace
from pipeline.runtime.errors import CommandError, RuleError, as_rule_error
from pipeline.runtime.processes import Pause, in_words, retried


@dataclass(frozen=True)
class Upstream:
    """A branch of a remote by its full name there, and the name of the ref that tracks it in the user's repository."""

    remote: str
    branch: str
    tracked: str

    @classmethod
    def of(cls, workspace: Workspace) -> "Upstream | None":
        """The upstream of the branch that was cloned, if it has one."""
        names = "%(upstream:remotename)%00%(upstream:remoteref)%00%(upstream)"
        (line,) = workspace.checkout.lines("git", "for-each-ref", f"--format={names}", f"refs/heads/{workspace.branch}")
        remote, branch, tracked = line.split("\0")
        return cls(remote, branch, tracked) if remote not in ("", ".") else None  # "." is this repository

    def tags(self, workspace: Workspace, pattern: str, *, tries: int, seconds: float) -> list[str]:
        """The names of its tags. Raises: CommandError if no try reaches it."""
        ask = ("git", "ls-remote", "--tags", "--refs", self.remote, f"refs/tags/{pattern}")
        lines = retried(lambda: workspace.project.lines(*ask, seconds=seconds), tries=tries)
        return [line.split("\t")[1].removeprefix("refs/tags/") for line in lines]

    def check_push(self, workspace: Workspace, *, seconds: float) -> None:
        """See that it lets this user push to the branch; nothing is sent. Raises: CommandError if it does not.

        What others have pushed meanwhile is no reason to refuse, and forced past: the new commit goes on top of it.
        """
        words = ("--dry-run", "--force", "--quiet", "--no-verify")
        workspace.project.lines("git", "push", *words, self.remote, f"HEAD:{self.branch}", seconds=seconds)

    def push(
        self, workspace: Workspace, *, tag: Callable[[], list[str]], tries: int, seconds: float, pause: Pause
    ) -> None:
        """Push the commit of the clone and its tag, both or none; on top of what others have pushed meanwhile.

        tag: sets the tags at the clone's HEAD, and returns their full names. Between tries it waits 1, 2, 4, … seconds.
        Raises: RuleError if the commit cannot go there, or if no try succeeds.
        """

        def attempt() -> None:
            clone = workspace.project
            clone.lines("git", "fetch", "--quiet", "--no-tags", self.remote, self.branch, seconds=seconds)
            if _has_new_commits(clone, "FETCH_HEAD", since=workspace.commit):
                _rebase(workspace, seconds=seconds)
            refs = [f"HEAD:{self.branch}", *tag()]
            push = ("push", "--quiet", "--atomic", "--no-verify", self.remote, *refs)
            clone.lines("git", *push, seconds=seconds)

        what, fix = f"the new commit to {self.branch} of {self.remote}", "make git push work there, and begin again"
        rule = f"must be pushed within {in_words(tries)} of {seconds:g} s"
        with as_rule_error(CommandError, what, rule=rule, found="in the last of them:", fix=fix):
            retried(attempt, tries=tries, pause=pause)


def catch_up(checkout: Project, *, tries: int, seconds: float) -> None:
    """Move the user's checkout forward to its upstream: to others' commits, or to one that was pushed before a kill.

    Raises: RuleError if the upstream cannot be reached, or if the checkout cannot just go forward to it.
    """
    try:
        checkout.lines("git", "rev-parse", "--verify", "--quiet", "@{upstream}")
    except CommandError:
        return  # none, or a HEAD that follows nothing

    def attempt() -> None:
        checkout.lines("git", "fetch", "--quiet", seconds=seconds)
        if _has_new_commits(checkout, "@{upstream}", since="HEAD"):
            checkout.lines("git", "-c", NO_HOOKS, "merge", "--quiet", "--ff-only", "--no-autostash", "@{upstream}")
            checkout.check_links()
            checkout.lines(*DVC, "checkout", "--allow-missing", seconds=seconds)

    rule, found, fix = "must follow its upstream", f"in the last of {in_words(tries)} that", "make git pull work there"
    with as_rule_error(CommandError, "your checkout", rule=rule, found=found, fix=fix):
        retried(attempt, tries=tries)


def _has_new_commits(project: Project, upstream: str, *, since: str) -> bool:
    """True if the upstream has commits that `since` has not. Refuse if `since` has some that the upstream has not."""
    (counts,) = project.lines("git", "rev-list", "--count", "--left-right", f"{since}...{upstream}")
    own, theirs = map(int, counts.split())
    if own:
        rule, found = "must be in the upstream", "1 commit that is not" if own == 1 else f"{own} commits that are not"
        fix = (
            "push them, or put them on a branch of their own: no commits of yours are published;"
            " or say git branch --unset-upstream, and nothing is pushed"
        )
        raise RuleError("the branch's last commit", rule=rule, found=found, fix=fix)
    return theirs > 0


def _rebase(workspace: Workspace, *, seconds: float) -> None:
    """Rebase the clone's commit onto the fetched one, if its outputs are still those of the changed project."""
    clone, rule = workspace.project, "must go on top of what others have pushed meanwhile"
    fix = "git pull, and begin again from there"
    try:
        clone.lines("git", "rebase", "--quiet", "FETCH_HEAD")
    except CommandError as error:
        clone.lines("git", "rebase", "--abort")
        raise RuleError("the new commit", rule=rule, found=f"a conflict: {error}", fix=fix) from None
    clone.check_links()
    workspace.checkout_outputs(seconds=seconds)
    if stale := clone.stale_stages(seconds=seconds):
        found = f"that it changes what they are made from: dvc status names {', '.join(sorted(stale))}"
        raise RuleError("the new results", rule=rule, found=found, fix=fix)
