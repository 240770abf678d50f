"""What a night checks before it trains: that there is room for what it makes, and that its results can go out.

So that what would fail after hours fails in seconds.
"""

import shutil

from pipeline.nights.fetch import RESERVE_BYTES, Fetched
from pipeline.nights.night import Night
from pipeline.repository.cache_mending import cached_paths, unsaved
from pipeline.repository.dvc_lock import outputs
from pipeline.repository.upstream import Upstream
from pipeline.runtime.errors import CommandError, RuleError, as_rule_error
from pipeline.runtime.processes import in_words, retried

COPIES = 3  # of the table and the outputs: in the clone, in DVC's cache, in the checkout


def check_ready(night: Night, fetched: Fetched) -> None:
    """Check the disk, DVC's remote and git's upstream, as far as the project has them. Nothing is left behind there.

    Also that the checkout can follow: what DVC's cache has lost of its outputs is saved there.

    Raises: RuleError, which says what will not take tonight's results.
    """
    check_saved(night)
    check_room(night, table_bytes=fetched.file.stat().st_size)
    tries, seconds, workspace = night.settings.tries, night.settings.publish_seconds, night.workspace
    found, rule = (
        f"in the last of {in_words(tries)} that",
        "must take tonight's results, which is tried before training",
    )
    if workspace.has_remote:
        fix = "make dvc push work in the project's folder"
        with as_rule_error(CommandError, "DVC's remote", rule=rule, found=found, fix=fix):
            retried(lambda: workspace.project.check_remote(seconds=seconds), tries=tries)
    if upstream := Upstream.of(workspace):
        what, fix = f"{upstream.branch} of {upstream.remote}", "make git push work in the project's folder"
        with as_rule_error(CommandError, what, rule=rule, found=found, fix=fix):
            retried(lambda: upstream.check_push(workspace, seconds=seconds), tries=tries)


def check_saved(night: Night) -> None:
    """Refuse if the checkout has outputs that are nowhere else and not as recorded: `dvc checkout` would fail there.

    DVC is asked only if there are such files, as it takes seconds: some it may not know, or ignore.
    """
    workspace, recorded = night.workspace, cached_paths(night.workspace.project)
    workspace.mend_cache(recorded)
    own = unsaved(workspace.cache, recorded, checkout=workspace.checkout.folder)
    known = workspace.checkout.only_in_the_work_tree(seconds=night.settings.publish_seconds) if own else []
    if lost := [file for file in own if any(f"{file}/".startswith(f"{path.rstrip('/')}/") for path in known)]:
        rule = "must be as dvc.lock records them, or in DVC's cache, before tonight's replace them"
        fix = "dvc checkout --force brings the recorded ones if they are at hand, dvc commit records these"
        raise RuleError("your outputs", rule=rule, found=f"only in your checkout {', '.join(lost)}", fix=fix)


def check_room(night: Night, *, table_bytes: int) -> None:
    """Refuse disks without room for tonight's table, and for outputs as large as the recorded ones.

    Raises: RuleError.
    """
    sizes = {path: size for stage in night.accepted.values() for path, size in stage.sizes.items()}
    once = table_bytes + sum(sizes.get(path, 0) for path in outputs(night.accepted))
    cache = night.workspace.cache
    cache = next(path for path in (cache, *cache.parents) if path.exists())
    for folder, copies in ((night.folder, COPIES), (cache, 1)):
        needed, free = copies * once + RESERVE_BYTES, shutil.disk_usage(folder).free
        if free < needed:
            rule = f"must have {needed:,} bytes free: {copies} × the table and the outputs, and {RESERVE_BYTES:,} more"
            fix = "free some: make gc shows what could go"
            raise RuleError(f"the disk of {folder}", rule=rule, found=f"{free:,}", fix=fix)
