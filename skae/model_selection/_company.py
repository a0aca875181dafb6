"""joblib's threads, as the company of fits that are trained together."""

from joblib.parallel import ThreadingBackend

from skae.training import Company


class CompanyBackend(ThreadingBackend):
    """Threads whose fits wait for each other before they train.

    Parameters
    ----------
    n_threads : int
        How many fits are in work at a time.
    """

    def __init__(self, n_threads, **options):
        super().__init__(**options)
        self._n_threads = n_threads
        self.company = Company(n_threads)

    def effective_n_jobs(self, n_jobs):
        """Tell how many threads there are, whatever was asked for."""
        return self._n_threads

    def submit(self, func, callback=None):
        """Let a thread run `func` in company."""

        def run():
            with self.company.errand():
                return func()

        return super().submit(run, callback)

    def terminate(self):
        """Let nobody wait any longer, and end the threads."""
        self.company.dissolve()
        super().terminate()
