"""Who works for joblib on fits that are trained together: threads, or processes."""

import math
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count

import torch
from joblib import Parallel, delayed, parallel_config
from joblib.parallel import ParallelBackendBase

from skae._blas import numpy_threads
from skae.training import Rendezvous


class RendezvousBackend(ParallelBackendBase):
    """Threads whose fits wait for each other before they train.

    Jobs are started when all of them have come in, or as many as joblib dispatches
    before it looks for results. Threads are gone before results are used.

    Parameters
    ----------
    n_threads : int
        How many fits are in work at a time, at most.
    """

    supports_retrieve_callback = True
    uses_threads = True
    supports_sharedmem = True

    def __init__(self, n_threads, **options):
        super().__init__(**options)
        self._n_threads = n_threads
        self._threads = None

    def effective_n_jobs(self, n_jobs):
        """Tell how many threads there are, whatever was asked for."""
        return self._n_threads

    def configure(self, n_jobs=1, parallel=None, **options):
        """Prepare for jobs."""
        self.parallel = parallel
        self._numbers, self._early, self._errors = count(), [], []
        self._rendezvous = Rendezvous(self._n_threads)
        return self._n_threads

    def submit(self, func, callback=None):
        """Take a job; it begins when results are asked for."""
        self._rendezvous.expect(1)
        job = next(self._numbers), func, callback
        if self._threads is None:
            self._early.append(job)
        else:
            self._begin(*job)

    def retrieve_result_callback(self, out):
        """Give the result of a job; once one has failed, raise what it has raised.

        All others are ended by that, and what they say of it is not to be told first.
        """
        if self._errors:
            raise self._errors[0]
        return out.result()

    @contextmanager
    def retrieval_context(self):
        """Begin the jobs."""
        n_threads = max(1, min(self._n_threads, len(self._early)))
        self._threads = ThreadPoolExecutor(n_threads)
        jobs, self._early = self._early, []

        def begin():
            for job in jobs:
                self._begin(*job)

        try:
            with numpy_threads(math.inf, max(1, torch.get_num_threads() // n_threads)):
                self._rendezvous.lead(begin)
            yield
        finally:
            self._end()

    def terminate(self):
        """Wait for the threads, of which none waits or trains any longer."""
        self._end()

    def abort_everything(self, ensure_ready=True):
        """Drop all jobs."""
        self._end()
        if ensure_ready:
            self.configure(parallel=self.parallel)

    def _begin(self, number, func, callback):
        rendezvous = self._rendezvous

        def run():
            with rendezvous.job(number):
                try:
                    return func()
                except BaseException as error:  # that nobody wants as a score
                    self._errors.append(error)
                    rendezvous.end()
                    raise

        self._threads.submit(run).add_done_callback(callback)

    def _end(self):
        if self._threads is not None:
            self._rendezvous.end()
            self._threads.shutdown(wait=True, cancel_futures=True)
            self._threads = None
            self._rendezvous = Rendezvous(self._n_threads)


class SharingBackend(ParallelBackendBase):
    """Processes, each of which trains its share of all fits together.

    Threads of one process take turns at every line of Python, which between the short
    products of small networks costs them a third of their time.

    Parameters
    ----------
    n_processes : int
        How many, at most.
    n_threads : int
        How many fits are in work at a time, at most, in each of them.
    processes : ParallelBackendBase
        joblib's, which start them.
    """

    supports_retrieve_callback = True

    def __init__(self, n_processes, n_threads, processes, **options):
        super().__init__(**options)
        self._n_processes, self._n_threads = n_processes, n_threads
        self._processes = processes
        self._jobs = []

    def effective_n_jobs(self, n_jobs):
        """Tell how many fits there are in work, whatever was asked for."""
        return self._n_processes * self._n_threads

    def configure(self, n_jobs=1, parallel=None, **options):
        """Prepare for jobs."""
        self.parallel = parallel
        return self.effective_n_jobs(n_jobs)

    def submit(self, func, callback=None):
        """Take a job; it begins when results are asked for."""
        self._jobs.append((func, callback))

    def retrieve_result_callback(self, out):
        """Give the result of a job."""
        return out.result()

    @contextmanager
    def retrieval_context(self):
        """Do the jobs, and those that come for the results of the first."""
        while self._jobs:
            jobs, self._jobs = self._jobs, []
            functions = [function for function, _ in jobs]
            results = self._results(functions)
            for (_, callback), result in zip(jobs, results, strict=True):
                done = Future()
                done.set_result(result)
                callback(done)
        yield

    def abort_everything(self, ensure_ready=True):
        """Drop all jobs."""
        self._jobs = []

    def _results(self, functions):
        """What they return, each process called with every so-manieth of them."""
        n = self._n_processes
        with parallel_config(self._processes, n_jobs=n):
            shares = Parallel()(
                delayed(_train_share)(functions[i::n], self._n_threads)
                for i in range(min(n, len(functions)))
            )
        return [shares[i % n][i // n] for i in range(len(functions))]


def _train_share(functions, n_threads):
    """What functions return, whose fits are trained together."""
    with parallel_config(RendezvousBackend(n_threads), n_jobs=n_threads):
        return Parallel()(delayed(function)() for function in functions)
