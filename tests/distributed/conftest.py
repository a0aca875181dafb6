"""Processes that share a fit, each of them a script."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

import skae

_PATIENCE = 120  # seconds that tell processes that hang from slow ones


class Launched:
    """A process, and what it says on standard output and error."""

    def __init__(self, arguments, said, **environment):
        path = os.pathsep.join([str(Path(skae.__file__).parents[1]), *sys.path])
        self._said = said
        with said.open("w") as output:
            self._process = subprocess.Popen(
                [sys.executable, *map(str, arguments)],
                env=os.environ | {"PYTHONPATH": path} | environment,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def said(self):
        return self._said.read_text()

    def wait(self):
        """Exit code; a process that hangs is killed, with all that it has started."""
        try:
            return self._process.wait(_PATIENCE)
        except subprocess.TimeoutExpired:
            pytest.fail(f"hangs:\n{self.said}")
        finally:
            self.kill()

    def kill(self):
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


@pytest.fixture
def apart():
    """Source by which processes are as if each were on a machine of its own."""
    return """
from skae.distributed import lines

lines._listen = lambda *arguments: None
"""


@pytest.fixture
def run_file(tmp_path):
    """``run_file(source)``: what a script says that ends well."""

    def run(source, *before):
        script = tmp_path / "script.py"
        script.write_text(source)
        process = Launched([*before, script, tmp_path], tmp_path / "said")
        assert process.wait() == 0, process.said
        return process.said

    return run


@pytest.fixture
def torchrun(run_file):
    """``torchrun(source, n)``: what so many processes of a script say."""

    def run(source, n_processes):
        options = ["--standalone", f"--nproc_per_node={n_processes}"]
        return run_file(source, "-m", "torch.distributed.run", *options)

    return run


@pytest.fixture
def together(tmp_path):
    """``together(source, n)``: processes that nobody ends when one of them fails."""
    processes = []

    def run(source, n_processes):
        script = tmp_path / "script.py"
        script.write_text(source)
        for rank in range(n_processes):
            said = tmp_path / f"said {rank}"
            arguments = [script, tmp_path, rank, n_processes]
            processes.append(Launched(arguments, said))
        return [(process.wait(), process.said) for process in processes]

    yield run
    for process in processes:
        process.kill()
