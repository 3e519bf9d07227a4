#!/usr/bin/env python3
"""Keras's learning rates and early stops, as schedules.json.

    KERAS_BACKEND=tensorflow .venv/bin/python schedules.py > schedules.json
"""
import json, math, os
os.environ.setdefault("KERAS_BACKEND", "tensorflow"); os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3"); os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")
import numpy as np, keras
keras.config.set_floatx("float64")

STEPS = [0, 1, 2, 5, 9, 10, 11, 19, 20, 25, 40, 99, 100, 101, 130, 1000]

def by_step(name, cls, rate, **arguments):
    schedule = cls(np.float64(rate), **arguments)
    rates = [[step, float(schedule(step))] for step in STEPS]
    return {"schedule": {"name": name, **arguments}, "learning_rate": rate, "rates": rates}

def compiled(rate):
    model = keras.Sequential([keras.Input((1,)), keras.layers.Dense(1)])
    model.compile(keras.optimizers.SGD(rate), "mse")
    return model

def plateau(rate, losses, **arguments):
    callback = keras.callbacks.ReduceLROnPlateau(**arguments)
    model = compiled(rate); callback.set_model(model); callback.on_train_begin()
    rates = []
    for epoch, loss in enumerate(losses):
        callback.on_epoch_end(epoch, {"val_loss": loss})
        rates.append(float(model.optimizer.learning_rate))
    return {"schedule": {"name": "plateau", **arguments}, "learning_rate": rate, "losses": losses, "rates": rates}

def early_stopping(losses, **arguments):
    callback = keras.callbacks.EarlyStopping(**arguments)
    model = compiled(0.1); callback.set_model(model); callback.on_train_begin(); model.stop_training = False
    for epoch, loss in enumerate(losses):
        callback.on_epoch_end(epoch, {"val_loss": loss})
        if model.stop_training: break
    return {"config": arguments, "losses": losses, "stopped_after": epoch + 1, "best_epoch": callback.best_epoch + 1}

S = keras.optimizers.schedules
falling = [1.0, 0.8, 0.79995, 0.81, 0.7, 0.72, 0.71, 0.69, 0.75, 0.7, 0.7, 0.7, 0.7, 0.7]
json.dump({
    "by_step": [
        by_step("exponential", S.ExponentialDecay, 0.1, decay_steps=10, decay_rate=0.5),
        by_step("exponential", S.ExponentialDecay, 0.1, decay_steps=10, decay_rate=0.5, staircase=True),
        by_step("cosine", S.CosineDecay, 0.1, decay_steps=100),
        by_step("cosine", S.CosineDecay, 0.1, decay_steps=100, alpha=0.2),
        by_step("cosine", S.CosineDecay, 0.01, decay_steps=100, alpha=0.1, warmup_target=0.2, warmup_steps=20),
        by_step("cosine", S.CosineDecay, 0.1, decay_steps=10, warmup_steps=5),
    ],
    "plateau": [
        plateau(0.1, falling, monitor="val_loss", factor=0.5, patience=1),
        plateau(0.1, falling, monitor="val_loss", factor=0.5, patience=2, cooldown=2),
        plateau(0.1, falling, monitor="val_loss", factor=0.1, patience=1, min_lr=0.004, min_delta=0.05),
        plateau(0.1, falling, monitor="val_loss", factor=0.5, patience=0),
    ],
    "early_stopping": [
        early_stopping(falling, monitor="val_loss"),
        early_stopping(falling, monitor="val_loss", patience=2),
        early_stopping(falling, monitor="val_loss", patience=3, min_delta=0.05),
        early_stopping(falling, monitor="val_loss", patience=20),
        early_stopping([1.0, 0.9, 0.8], monitor="val_loss", patience=1),
        early_stopping([1.0, 1.1, 1.2], monitor="val_loss", patience=1),
    ],
}, open("/dev/stdout", "w"), indent=1)
