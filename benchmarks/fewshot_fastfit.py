"""FastFit, run by a Python that has it: one JSON request on stdin, one JSON answer on stdout.

The settings of its own README. What it prints goes to stderr. The clock starts with the model loaded.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from importlib.metadata import version
from time import perf_counter


def main() -> None:
    """Answer the request that waits on stdin."""
    answer, sys.stdout = sys.stdout, sys.stderr
    os.environ.update(HF_HUB_OFFLINE="1", HF_DATASETS_OFFLINE="1", TOKENIZERS_PARALLELISM="false")
    import torch
    from datasets import Dataset
    from fastfit import FastFitTrainer, train
    from transformers import AutoTokenizer

    train.load_metric = lambda *names, **more: None  # would be fetched, and is never asked
    asked = json.load(sys.stdin)
    texts, said = zip(*asked["seeds"], strict=True)
    seeds = Dataset.from_dict({"text": texts, "label": said})
    with tempfile.TemporaryDirectory() as place:
        trainer = FastFitTrainer(
            model_name_or_path=asked["folder"],
            label_column_name="label",
            text_column_name="text",
            num_train_epochs=40,
            per_device_train_batch_size=32,
            max_text_length=128,
            dataloader_drop_last=False,
            num_repeats=4,
            optim="adafactor",
            clf_loss_factor=0.1,
            fp16=torch.cuda.is_available(),
            seed=asked["random"],
            report_to="none",
            save_strategy="no",
            output_dir=place,
            overwrite_output_dir=True,
            train_dataset=seeds,
            test_dataset=seeds,  # it asks for one, and does not look at it before it is told to
        )
        begin = perf_counter()
        trainer.train()
        adapting = perf_counter() - begin
    model = trainer.export_model().eval()
    tokenizer = AutoTokenizer.from_pretrained(asked["folder"])
    guesses: list[str] = []
    begin = perf_counter()
    with torch.inference_mode():
        for start in range(0, len(asked["tests"]), 64):
            batch = asked["tests"][start : start + 64]
            given = tokenizer(batch, truncation=True, max_length=128, padding=True, return_tensors="pt")
            scores = model(
                given["input_ids"].to(model.device), given["attention_mask"].to(model.device)
            ).logits
            guesses += [trainer.labels[index] for index in scores.argmax(dim=1).tolist()]
    found = {
        "guesses": guesses,
        "adapt_seconds": adapting,
        "label_seconds": perf_counter() - begin,
        "versions": {name: version(name) for name in ("fast-fit", "transformers", "datasets", "torch")},
    }
    json.dump(found, answer)


if __name__ == "__main__":
    main()
