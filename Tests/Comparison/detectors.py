#!/usr/bin/env python3
"""Holds the engine's score against detectors that learn without labels, on the same features.

    tributary backtest features --worlds 40 --seed 2000001 --out table.csv
    python3 -m venv /tmp/detectors && /tmp/detectors/bin/pip install pandas scikit-learn pyod river
    /tmp/detectors/bin/python Tests/Comparison/detectors.py table.csv
"""
import sys

import numpy as np
import pandas as pd
from pyod.models.copod import COPOD
from pyod.models.ecod import ECOD
from river.anomaly import HalfSpaceTrees
from sklearn.ensemble import IsolationForest
from sklearn.metrics import average_precision_score

TRUTH = 8  # columns before the features


def half_space_trees(features):
    """Scores each row before learning it, as a stream."""
    model = HalfSpaceTrees(n_trees=25, height=8, window_size=250, seed=1)
    scale = np.maximum(features.max(axis=0), 1e-9)
    scores = []
    for row in features / scale:
        sample = dict(enumerate(row))
        scores.append(model.score_one(sample))
        model.learn_one(sample)
    return np.array(scores)


def recall_at(label, score, share=0.01):
    threshold = np.quantile(score[label == 0], 1 - share)
    return (score[label == 1] > threshold).mean()


def main():
    table = pd.read_csv(sys.argv[1], keep_default_na=False)
    features = table.iloc[:, TRUTH:].to_numpy(dtype=float)
    known = (table.label >= 0).to_numpy()
    label = table.label[known].to_numpy()
    scores = {
        "tributary": table.score.to_numpy(),
        "IsolationForest": -IsolationForest(n_estimators=200, random_state=1).fit(features).score_samples(features),
        "ECOD": ECOD().fit(features).decision_scores_,
        "COPOD": COPOD().fit(features).decision_scores_,
        "HalfSpaceTrees": half_space_trees(features),
    }
    print(f"{known.sum()} affiliate-days, {label.mean():.3f} of them fraud")
    print(f"{'detector':<16} AP by day  recall at 1 %  AP by affiliate")
    for name, score in scores.items():
        best = table.assign(value=score).groupby(["world", "affiliate"]).agg(
            value=("value", "max"), fraud=("label", "max"))
        print(
            f"{name:<16} {average_precision_score(label, score[known]):.3f}"
            f"      {recall_at(label, score[known]):.3f}"
            f"          {average_precision_score(best.fraud == 1, best.value):.3f}")


if __name__ == "__main__":
    main()
