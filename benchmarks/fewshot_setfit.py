"""SetFit, run by a Python that has it: one JSON request on stdin, one JSON answer on stdout.

Its defaults: batches of 16, one epoch of contrastive pairs, logistic regression on top. With
``iterations`` (``num_iterations``) it draws that many pairs a seed instead of all. What it prints
goes to stderr. The clock starts with the model loaded.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from time import perf_counter


def main() -> None:
    """Answer the request that waits on stdin."""
    answer, sys.stdout = sys.stdout, sys.stderr
    os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
    import sentence_transformers
    import setfit
    import torch
    import transformers
    from datasets import Dataset

    asked = json.load(sys.stdin)
    texts, said = zip(*asked["seeds"], strict=True)
    labels = sorted(set(said))
    model = setfit.SetFitModel.from_pretrained(asked["folder"])
    with tempfile.TemporaryDirectory() as place:
        more = {} if asked["iterations"] is None else {"num_iterations": asked["iterations"]}
        begin = perf_counter()
        settings = setfit.TrainingArguments(
            output_dir=place, report_to="none", save_strategy="no", seed=asked["random"], **more
        )
        rows = Dataset.from_dict({"text": texts, "label": [labels.index(label) for label in said]})
        setfit.Trainer(model=model, args=settings, train_dataset=rows).train()
        adapting = perf_counter() - begin
    begin = perf_counter()
    guesses = [labels[int(guess)] for guess in model.predict(asked["tests"], show_progress_bar=False)]
    found = {
        "guesses": guesses,
        "adapt_seconds": adapting,
        "label_seconds": perf_counter() - begin,
        "versions": {
            module.__name__: module.__version__
            for module in (setfit, sentence_transformers, transformers, torch)
        },
    }
    json.dump(found, answer)


if __name__ == "__main__":
    main()
