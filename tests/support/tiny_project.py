"""A tiny project as a user has it: committed, trained, with a remote of DVC and an upstream of git."""

from pathlib import Path

from pipeline.repository.project import Project
from pipeline.repository.workspace import Workspace
from tests.support.work_tree import run

CONFIG = "[core]\n    analytics = false\n    remote = store\n['remote \"store\"']\n    url = ../../remote\n"
STAGES = """
stages:
  train:
    cmd: mkdir -p models && cat table.csv code.txt >models/weights && wc -c <models/weights >metrics.txt
    deps: [code.txt, table.csv]
    outs: [models]
    metrics: [metrics.txt: {cache: false}]
"""
FILES = {
    "dvc.yaml": STAGES,
    "table.csv": "a\n1\n",
    "code.txt": "one\n",
    "history.csv": "night\n",
    "notes.md": "",
    ".gitignore": "/.cache\n/models\n/runs\n",
}


def git(folder: Path, *command: str, code: int = 0) -> str:
    return run(folder, "git", *command, code=code).strip()


def commit(folder: Path, **files: str) -> str:
    """Commit changes of files, named by their stems; returns the commit."""
    for stem, text in files.items():
        (file,) = folder.glob(f"{stem}.*")
        file.write_text(text)
    git(folder, "add", "--all")
    git(folder, "commit", "--quiet", "--message", "a change")
    return git(folder, "rev-parse", "HEAD")


def make_project(folder: Path) -> Path:
    """In the folder: the project `user`, its upstream `upstream.git` and its DVC remote `remote`, by relative paths."""
    user = folder / "user"
    user.mkdir()
    git(folder, "init", "--quiet", "--bare", "--initial-branch=main", "upstream.git")
    git(user, "init", "--quiet", "--initial-branch=main")
    run(user, "dvc", "init", "--quiet")
    (user / ".dvc/config").write_text(CONFIG)
    (folder / "remote").mkdir()
    for name, text in FILES.items():
        (user / name).write_text(text)
    run(user, "dvc", "repro", "--quiet")
    commit(user)
    git(user, "remote", "add", "origin", "../upstream.git")
    git(user, "push", "--quiet", "--set-upstream", "origin", "main")
    return user


def workspace(user: Path, name: str = "tonight", *, outputs: bool = False) -> Workspace:
    """A night's, which costs seconds less without the outputs."""
    found = Workspace.of_head(Project.at(user), run=user / "runs" / name)
    if outputs:
        found.checkout_outputs(seconds=60)
    return found


def state(folder: Path) -> dict[str, object]:
    """All that a night that fails may not change: HEAD, refs, index, and the files outside of the runs."""
    files = [file for file in folder.rglob("*") if file.is_file()]
    parts = [file.relative_to(folder).parts for file in files]
    return {
        "head": (folder / ".git/HEAD").read_text(),
        "refs": git(folder, "for-each-ref"),
        "index": git(folder, "ls-files", "--stage"),
        "files": {
            "/".join(names): file.read_bytes()
            for names, file in zip(parts, files, strict=True)
            if names[0] not in (".cache", ".git", "runs") and names[:2] not in ((".dvc", "tmp"), (".dvc", "cache"))
        },
    }
