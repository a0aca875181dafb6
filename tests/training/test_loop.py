"""The loop: what it reports, when it stops, and which weights it leaves behind."""

import math
from itertools import count

import pytest
import torch

from skae.objectives import WeightDecay
from skae.training import FlatTensors, Plan, Task, Training, train

CPU = torch.device("cpu")


BATCHES = (torch.zeros(2, 1),)


class Quadratic:
    """The step of the loss (w - target)^2, for every row of a batch the same."""

    def __init__(self, start=0.0, target=1.0):
        shapes = {"w": (1,)}
        self.parameters = FlatTensors(shapes, dtype=torch.float64, device=CPU)
        self.gradients = FlatTensors(shapes, dtype=torch.float64, device=CPU)
        self.parameters.views["w"].fill_(start)
        self.target = target

    @property
    def weight(self):
        return self.parameters.views["w"].item()

    def loss(self):
        return (self.weight - self.target) ** 2

    def __call__(self, batch):
        self.gradients.views["w"].fill_(2 * (self.weight - self.target))
        return torch.tensor(self.loss(), dtype=torch.float64), None


class Scripted(Quadratic):
    """A step whose losses are told beforehand; the weight moves on all the same."""

    def __init__(self, losses):
        super().__init__(target=1e6)
        self._losses = iter(losses)

    def __call__(self, batch):
        super().__call__(batch)
        return torch.tensor(next(self._losses), dtype=torch.float64), None


class Recorder:
    """An observer that writes down what it sees, and stops after some epochs."""

    def __init__(self, step, stop_after=math.inf):
        self.step, self.stop_after = step, stop_after
        self.weights, self.events = [step.weight], []

    def epoch_begins(self):
        self.events.append("begins")

    def epoch_ends(self, history):
        self.events.append("ends")
        self.weights.append(self.step.weight)
        return len(history.loss_curve) >= self.stop_after


def run(
    step,
    *,
    batches=BATCHES,
    validation=None,
    evaluate=None,
    decay=None,
    observer=None,
    max_epochs=10,
    schedule=lambda step: 0.1,
    tol=0.0,
    patience=math.inf,
    start_loss=math.nan,
    **plan,
):
    """Train; `validation` scripts the validation losses, that of the start first."""
    validation = None if validation is None else iter(validation)
    task = Task(
        step=step,
        batches=batches,
        evaluate=evaluate or (lambda limit: step.loss()),
        validate=None if validation is None else lambda: next(validation),
        decay=decay,
        trained=slice(None),
        decayed=slice(step.parameters.end("w")),
        start_loss=start_loss,
    )
    plan = Plan(max_epochs, schedule, tol, patience, **plan)
    return train(Training(task, plan, observer or Recorder(step)))


class TestHistory:
    def test_curve_has_a_loss_for_every_epoch(self):
        history = run(Quadratic(), max_epochs=7)
        assert len(history.loss_curve) == 7
        assert history.loss_curve[0] == 1.0
        assert sorted(history.loss_curve, reverse=True) == history.loss_curve
        assert history.validation_curve == []
        assert not history.stopped_early

    def test_loss_of_an_epoch_is_the_mean_over_its_rows(self):
        batches = [torch.zeros(n, 1) for n in (3, 1)]
        history = run(Scripted([2.0, 6.0]), batches=batches, max_epochs=1)
        assert history.loss_curve == [3.0]

    def test_validation_losses_are_those_after_each_epoch(self):
        history = run(Quadratic(), validation=[9, 3, 2, 1], max_epochs=3)
        assert history.validation_curve == [3, 2, 1]

    def test_loss_is_that_of_the_weights_kept_on_all_training_data(self):
        step = Quadratic()
        history = run(step, validation=[9, 3, 1, 2], max_epochs=3)
        assert history.loss == step.loss()

    def test_best_loss_counts_the_penalty_and_loss_does_not(self):
        step, decay = Quadratic(), WeightDecay(0.5)
        history = run(step, decay=decay, max_epochs=3)
        assert history.loss == pytest.approx(step.loss(), rel=1e-12)
        expected = step.loss() + 0.25 * step.weight**2
        assert history.best_loss == pytest.approx(expected, rel=1e-12)

    def test_steps_are_counted_on_over_the_epochs(self):
        steps = []
        batches = BATCHES * 3
        schedule = lambda step: steps.append(step) or 0.1  # noqa: E731
        run(Quadratic(), batches=batches, max_epochs=2, schedule=schedule)
        assert steps == [0, 1, 2, 3, 4, 5]


class TestWeightsKept:
    def test_those_of_the_lowest_validation_loss(self):
        step = Quadratic()
        observer = Recorder(step)
        history = run(step, validation=[5, 3, 1, 2, 4], max_epochs=4, observer=observer)
        assert (history.kept_epoch, history.best_loss) == (2, 1)
        assert step.weight == observer.weights[2]
        assert len(set(observer.weights)) == 5

    def test_those_of_the_start_where_validation_never_gets_better(self):
        step = Quadratic()
        history = run(step, validation=[1, 2, 1, 3], max_epochs=3)
        assert (history.kept_epoch, history.best_loss) == (0, 1)
        assert step.weight == 0.0

    def test_those_of_the_lowest_training_loss_without_validation(self):
        step = Scripted([5.0, 3.0, 1.0, 2.0, 4.0])
        observer = Recorder(step)
        evaluate = lambda limit: abs(step.weight - 0.3)  # noqa: E731
        history = run(step, max_epochs=5, observer=observer, evaluate=evaluate)
        assert history.kept_epoch == 3
        assert step.weight == observer.weights[3] == pytest.approx(0.3)

    def test_those_of_the_start_where_training_only_hurts(self):
        step = Quadratic(start=1.0 + 1e-9)
        history = run(step, schedule=lambda step: 0.5, max_epochs=3)
        assert step.weight == 1.0 + 1e-9
        assert history.kept_epoch == 0
        assert history.best_loss == history.loss == step.loss()

    def test_those_of_the_start_where_nothing_moves(self):
        step = Quadratic()
        history = run(step, schedule=lambda step: 0.0, max_epochs=3)
        assert (history.kept_epoch, history.loss) == (0, 1.0)

    @pytest.mark.parametrize("alpha", [0.0, 0.1, 1.0])
    def test_never_worse_than_the_last_ones(self, alpha):
        # The weight runs past its optimum and comes back to it: on the way there is
        # an epoch whose mean loss was low and at whose end the penalty is.
        step = Quadratic()
        observer = Recorder(step)
        history = run(
            step,
            batches=BATCHES * 20,
            decay=WeightDecay(alpha) if alpha else None,
            schedule=lambda i: 0.2 * 0.98**i,
            max_epochs=20,
            observer=observer,
        )
        last = observer.weights[-1]
        objective = (last - 1.0) ** 2 + alpha / 2 * last**2
        assert history.best_loss <= objective * (1 + 1e-12)


class TestStart:
    def test_no_epochs_leave_it_as_it_is(self):
        step = Quadratic()
        history = run(step, max_epochs=0)
        assert (history.loss_curve, history.kept_epoch) == ([], 0)
        assert history.loss == history.best_loss == 1.0
        assert step.weight == 0.0

    def test_it_is_evaluated_only_until_it_is_seen_to_be_worse(self):
        step, limits = Quadratic(), []

        def evaluate(limit):
            limits.append(limit)
            return step.loss()

        history = run(step, evaluate=evaluate)
        assert limits == [math.inf, history.loss]

    @pytest.mark.parametrize(("known", "n_looked"), [(1.0, 1), (1e-9, 2)])
    def test_it_is_not_evaluated_where_it_is_known_to_be_worse(self, known, n_looked):
        step, limits = Quadratic(), []

        def evaluate(limit):
            limits.append(limit)
            return step.loss()

        run(step, evaluate=evaluate, start_loss=known)
        assert len(limits) == n_looked

    def test_its_loss_is_told(self):
        assert run(Quadratic(start=3.0)).start_loss == 4.0
        assert run(Quadratic(), validation=[7.0] * 11).start_loss == 7.0


class TestPatience:
    def test_it_ends_after_that_many_epochs_without_improvement(self):
        history = run(
            Quadratic(), validation=[9, 5, 4, 4, 4, 4, 4], patience=3, max_epochs=6
        )
        assert len(history.loss_curve) == 5
        assert history.stopped_early

    def test_an_improvement_starts_it_anew(self):
        losses = [9, 5, 5, 5, 4, 4, 4, 4]
        history = run(Quadratic(), validation=losses, patience=3, max_epochs=7)
        assert len(history.loss_curve) == 7

    def test_infinite_patience_never_ends(self):
        history = run(Quadratic(), validation=[1] * 11)
        assert len(history.loss_curve) == 10
        assert not history.stopped_early

    @pytest.mark.parametrize("unit", [1e-9, 1.0, 1e9])
    def test_tol_is_relative_to_the_loss(self, unit):
        losses = [unit * 0.98**i for i in range(20)]
        settings = {"patience": 2, "max_epochs": 19}
        easily = run(Quadratic(), validation=losses, tol=0.01, **settings)
        hardly = run(Quadratic(), validation=losses, tol=0.03, **settings)
        assert len(easily.loss_curve) == 19
        assert len(hardly.loss_curve) == 3

    def test_gains_below_tol_are_kept_though_they_do_not_count(self):
        step = Quadratic()
        losses = [9.0, 5.0, 4.99, 4.98]
        history = run(step, validation=losses, tol=0.1, patience=2, max_epochs=9)
        assert (history.kept_epoch, history.best_loss) == (3, 4.98)

    def test_it_watches_the_training_loss_without_validation(self):
        history = run(Scripted([5.0, 4.0, 4.0, 4.0, 4.0]), patience=2, max_epochs=5)
        assert len(history.loss_curve) == 4

    def test_ending_with_the_last_epoch_is_not_early(self):
        history = run(Quadratic(), validation=[9, 5, 5], patience=1, max_epochs=2)
        assert len(history.loss_curve) == 2
        assert not history.stopped_early


class TestObserver:
    def test_it_is_told_of_every_epoch(self):
        observer = Recorder(Quadratic())
        run(observer.step, observer=observer, max_epochs=3)
        assert observer.events == ["begins", "ends"] * 3

    def test_it_can_stop_the_training(self):
        observer = Recorder(Quadratic(), stop_after=2)
        history = run(observer.step, observer=observer)
        assert len(history.loss_curve) == 2
        assert history.stopped_early

    def test_the_weights_are_kept_when_it_stops(self):
        observer = Recorder(Quadratic(), stop_after=2)
        run(observer.step, observer=observer)
        assert observer.step.weight == observer.weights[2] > 0.1


class Interrupted(Quadratic):
    """The user presses Ctrl+C in the middle of an epoch."""

    def __init__(self, at_step):
        super().__init__()
        self._steps, self._at = count(1), at_step

    def __call__(self, batch):
        if next(self._steps) == self._at:
            raise KeyboardInterrupt
        return super().__call__(batch)


class TestKeyboardInterrupt:
    BATCHES = BATCHES * 4

    @pytest.mark.parametrize("at_step", [1, 4])
    def test_before_the_first_epoch_is_complete_it_is_raised(self, at_step):
        with pytest.raises(KeyboardInterrupt):
            run(Interrupted(at_step), batches=self.BATCHES)

    @pytest.mark.parametrize("at_step", [1, 4])
    def test_the_start_may_be_worth_keeping(self, at_step):
        step = Interrupted(at_step)
        start = step.weight
        with pytest.warns(UserWarning, match="interrupted"):
            history = run(step, batches=self.BATCHES, least_epochs=0)
        assert history.interrupted
        assert (history.loss_curve, history.kept_epoch) == ([], 0)
        assert history.loss == step.loss()
        assert step.weight == start

    @pytest.mark.parametrize("at_step", [1, 9, 12])
    def test_or_nothing_may_be(self, at_step):
        with pytest.raises(KeyboardInterrupt):
            run(Interrupted(at_step), batches=self.BATCHES, least_epochs=math.inf)

    @pytest.mark.parametrize("at_step", [9, 11, 12])
    def test_later_the_last_complete_epoch_is_kept(self, at_step):
        step = Interrupted(at_step)
        observer = Recorder(step)
        with pytest.warns(UserWarning, match=r"^Training interrupted by user\.$"):
            history = run(step, batches=self.BATCHES, observer=observer)
        assert len(history.loss_curve) == 2
        assert history.stopped_early
        assert history.kept_epoch == 2
        assert step.weight == observer.weights[2]

    def test_the_best_validation_loss_is_kept(self):
        step = Interrupted(at_step=13)
        observer = Recorder(step)
        losses = [9, 5, 2, 3]
        with pytest.warns(UserWarning, match="interrupted"):
            run(step, batches=self.BATCHES, observer=observer, validation=losses)
        assert step.weight == observer.weights[2]


class TestDivergence:
    @pytest.mark.parametrize("loss", [math.nan, math.inf, 1001.0])
    def test_the_epoch_and_the_remedy_are_named(self, loss):
        step = Scripted([1.0, 1.0, loss])
        with pytest.raises(FloatingPointError, match=r"epoch 3.*learning_rate_init"):
            run(step, evaluate=lambda limit: 1.0, validation=[1.0] * 4)

    @pytest.mark.parametrize("loss", [math.nan, math.inf, 1001.0])
    def test_a_validation_loss_can_diverge_too(self, loss):
        # The last step of an epoch may ruin what its mean loss does not show yet.
        with pytest.raises(FloatingPointError, match="epoch 2"):
            run(Quadratic(), validation=[1.0, 1.0, loss], max_epochs=2)

    def test_nan_at_the_start_is_divergence_too(self):
        with pytest.raises(FloatingPointError, match="epoch 1"):
            run(Scripted([math.nan]), evaluate=lambda limit: math.nan)

    def test_a_high_loss_is_none_where_the_start_was_high(self):
        step = Scripted([2e3, 1e3])
        history = run(step, evaluate=lambda limit: 1e3, max_epochs=2)
        assert history.loss_curve == [2e3, 1e3]
