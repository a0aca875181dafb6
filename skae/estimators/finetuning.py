"""Fine-tuning: an encoder and a head, trained together to predict y."""

from __future__ import annotations

import itertools
import math
from dataclasses import replace

import numpy as np
import torch

from skae.data import ShuffledBatches
from skae.estimators.checkpointing import current_checkpoint
from skae.estimators.endless import EndlessBatches
from skae.estimators.linear import LinearAutoencoder
from skae.estimators.objective import Objective
from skae.estimators.prepared import prepared
from skae.estimators.randomness import Seeds
from skae.estimators.reporting import Stages
from skae.estimators.settings import (
    choose_device,
    choose_dtype,
    planned_epochs,
    rows_of_a_batch,
)
from skae.estimators.supervised import HEAD, SupervisedObjective
from skae.objectives import WeightDecay
from skae.training import (
    SCHEDULES,
    AutogradStep,
    FlatTensors,
    Plan,
    Task,
    Training,
    train,
)


class FineTuning:
    """Training of a head on labelled rows, and of the encoder below it.

    Parameters
    ----------
    autoencoder : AutoencoderTransformer
        Fitted; it is not changed. Its `precision` and its `device` are those of the
        training, its corruption is what the encoder sees rows under.
    head : FittedAutoencoder
        Where the head starts, from `solve_head`.
    supervision : Supervision
        What is to be predicted.
    settings : AutoencoderClassifier or AutoencoderRegressor
        Whose parameters say how.
    entropy : int
        Seed.
    """

    def __init__(self, autoencoder, head, supervision, settings, entropy):
        self._autoencoder, self._head = autoencoder, head
        self._supervision, self._settings = supervision, settings
        self._fitted, self._entropy = autoencoder._fitted, entropy
        linear = isinstance(autoencoder, LinearAutoencoder)
        self._code_unit = self._fitted.scaling.scale if linear else 1.0
        self._device = choose_device(autoencoder.device)
        self._dtype = choose_dtype(autoencoder.precision)

    def run(self, X, labelled, targets, observer):
        """Train, and return encoder and head as they then are, and the losses.

        Parameters
        ----------
        X : ndarray of shape (n_samples, n_features)
            All rows.
        labelled : ndarray of shape (n_samples,)
            Which of them have targets.
        targets : ndarray of shape (n_labelled_samples, n_targets)
            What these are to give.
        observer : Observer
            Told of every epoch.
        """
        network, precision = self._fitted.network, self._autoencoder.precision
        batch_size = self._batch_size(len(targets))
        with prepared(self._device, precision, network, batch_size):
            self._see(X, labelled, targets)
            self._weights = self._tensors(self._fitted.weights)
            head = self._tensors(self._head.weights)
            self._weights |= {HEAD + name: weight for name, weight in head.items()}
            self._change_unit(self._weights, self._code_unit)
            losses = self._train(observer)
            return *self.present(), losses

    def present(self):
        """Encoder and head as they now are, in or after training."""
        weights = {name: weight.clone() for name, weight in self._weights.items()}
        self._change_unit(weights, 1.0 / self._code_unit)
        return self._encoder(weights), self._fitted_head(weights)

    def _change_unit(self, weights, unit):
        """Let the code be in another unit: steps of training are as large in all.

        That of the linear autoencoder, without hidden layers, is in units of X.
        """
        for name, weight in weights.items():
            if name.startswith("encoder"):
                weight.div_(unit)
            elif name.startswith("decoder") and name.endswith("weight"):
                weight.mul_(unit)
        head = {
            name.removeprefix(HEAD): weight
            for name, weight in weights.items()
            if name.startswith(HEAD)
        }
        for matrix in self._head.network.readers(head):
            matrix.mul_(unit)

    @property
    def trains_decoder(self):
        """Whether the decoder is trained along with the encoder."""
        settings = self._settings
        return settings.fine_tune != "head" and settings.alpha > 0

    def _see(self, X, labelled, targets):
        """Bring rows, targets and objective into the units of the network."""
        settings, fitted = self._settings, self._fitted
        composition = replace(
            self._autoencoder._compose(fitted.network.n_features),
            network=fitted.network,
            likelihood=fitted.likelihood,
        )
        self._knows_variance = composition.noise_variance is not None
        extremes = float(np.nanmin(X)), float(np.nanmax(X))
        if fitted.filler is not None:
            composition = composition.observed()
        composition = composition.in_units(fitted.scaling, *extremes)
        own = Objective(composition, filler=fitted.filler)
        thaws = settings.fine_tune != "head"
        self._objective = SupervisedObjective(
            own,
            self._head.network,
            self._supervision,
            settings.alpha if thaws else 0.0,
            settings.consistency if thaws else 0.0,
        )
        rows = fitted.scaling.standardise(X, self._dtype, self._device)
        _, wanted = self._supervision.in_units(targets)
        wanted = torch.from_numpy(wanted).to(rows)
        known = rows[torch.from_numpy(labelled).to(self._device)]
        self._rows, self._labelled = rows, torch.cat([known, wanted], dim=1)
        decay = self._supervision.decay(settings.C, targets) / self._code_unit**2
        self._decay = WeightDecay(decay)

    def _tensors(self, arrays):
        return {
            name: torch.from_numpy(array.copy()).to(self._device, self._dtype)
            for name, array in arrays.items()
        }

    def _train(self, observer):
        """Train stage by stage, and return the losses of all epochs."""
        seeds = Seeds(self._entropy)
        n_epochs = planned_epochs(self._settings.max_iter, len(self._labelled))
        stages = self._stages()[-n_epochs:]
        ends = [n_epochs * i // len(stages) for i in range(len(stages) + 1)]
        told = Stages(observer)
        # An interrupt never costs the pretraining, or the stages before.
        least = 0 if self._settings._pretrains else 1
        for names, (begin, end) in zip(stages, itertools.pairwise(ends), strict=True):
            history = self._train_stage(names, end - begin, least, seeds, told)
            told.loss_curve += history.loss_curve
            if history.stopped_early or told.stopped:
                break
            least = 0
        return told.loss_curve

    def _stages(self):
        """Names of the weights that are trained, stage after stage."""
        sides = [
            [name for name in self._weights if name.startswith(side)]
            for side in ("decoder", "encoder", HEAD)
        ]
        decoder, encoder, head = sides
        if self._settings.fine_tune == "head":
            return [head]
        everything = encoder + head
        if self.trains_decoder:
            everything = decoder + everything
        if self._settings.fine_tune == "all":
            return [everything]
        layers = self._fitted.network.encoder_layers()
        growing = [sum(layers[i:], head) for i in range(len(layers), 0, -1)]
        return [*growing, everything]

    def _train_stage(self, names, n_epochs, least_epochs, seeds, observer):
        """Train the weights of these names; the others stay as they are.

        An interrupt ends it once so many epochs are complete; before, it is raised.
        """
        parameters, gradients = self._allocate(names), self._allocate(names)
        for name, view in parameters.views.items():
            self._weights[name] = view.copy_(self._weights[name])
        batches = self._batches(self._labelled, seeds)
        n_steps = n_epochs * batches.n_batches
        rate = self._settings.learning_rate_init
        all_rows = EndlessBatches(self._batches(self._rows, seeds), seeds.shuffle)
        task = Task(
            step=AutogradStep(
                parameters,
                gradients,
                self._loss(seeds, all_rows),
                lambda batch: self._objective.pair(batch, seeds.noise),
            ),
            batches=batches,
            evaluate=self._evaluate,
            validate=None,
            decay=self._decay,
            trained=slice(None),
            decayed=self._decayed(parameters),
            memory={
                "rows": all_rows,  # draws from the generators, whose states follow
                "shuffle": seeds.shuffle,
                "noise": seeds.noise,
            },
        )
        plan = Plan(
            max_epochs=n_epochs,
            schedule=SCHEDULES["cosine"](rate, n_steps),
            tol=0.0,
            patience=math.inf,
            least_epochs=least_epochs,
        )
        return train(Training(task, plan, observer, current_checkpoint().page()))

    def _allocate(self, names):
        """Tensors of these names; the head's matrices, which decay, are the last."""
        last = set(self._matrices())
        ordered = sorted(names, key=lambda name: name in last)
        shapes = {name: tuple(self._weights[name].shape) for name in ordered}
        return FlatTensors(shapes, dtype=self._dtype, device=self._device)

    def _matrices(self):
        return [n for n in self._weights if n.startswith(HEAD) and n.endswith("weight")]

    def _decayed(self, parameters):
        """The part of the flat parameter that holds the head's matrices."""
        others = [name for name in parameters.views if name not in self._matrices()]
        return slice(parameters.end(others[-1]), None)

    def _batches(self, rows, seeds):
        return ShuffledBatches(rows, self._batch_size(len(rows)), seeds.shuffle)

    def _batch_size(self, n_samples):
        return rows_of_a_batch(self._settings.batch_size, n_samples)

    def _loss(self, seeds, all_rows):
        """``loss(trained, x, target)``: the objective, as `AutogradStep` asks for it.

        A step takes a batch of labelled rows, and where it needs them one of all rows.
        """
        objective = self._objective
        term = objective.terms(len(self._rows), seeds.noise)

        def loss(trained, x, target):
            weights = {**self._weights, **trained}
            value = objective.error(weights, x, target)
            if objective.needs_all_rows:
                value = value + term(weights, next(all_rows))
            return value, value, None

        return loss

    def _evaluate(self, limit):
        """Objective under the present weights, and noise that is always the same."""
        noise = Seeds(self._entropy).judgement()
        return self._objective.evaluate(
            self._weights, self._labelled, self._rows, noise
        )

    def _encoder(self, weights):
        """The autoencoder of these; what it leaves is known if it was trained."""
        arrays = _arrays(weights, "", self._fitted.weights)
        noise = self._fitted.noise_variance
        if self.trains_decoder and not self._knows_variance:
            noise = self._objective.noise_variance(
                weights, self._rows, Seeds(self._entropy).judgement()
            )
        return replace(self._fitted, weights=arrays, noise_variance=noise, _casts={})

    def _fitted_head(self, weights):
        arrays = _arrays(weights, HEAD, self._head.weights)
        return replace(self._head, weights=arrays, _casts={})


def _arrays(weights, prefix, names):
    return {name: weights[prefix + name].cpu().numpy().copy() for name in names}
