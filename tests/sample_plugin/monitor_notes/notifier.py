"""Notifications as JSON files, for whatever picks up files."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import ClassVar

from pydantic import Field

from monitor.errors import DeliveryError
from monitor.interfaces import Notifier, Settings
from monitor.types import Notification


class JsonFileSettings(Settings):
    """What may stand under ``[[notifiers]]`` beside ``plugin`` and ``name``."""

    folder: Path = Field(description="where the files go; it is made if need be")


class JsonFile(Notifier):
    """Writes each notification to a file named by its key.

    The same notification sent twice (which the outbox does only if the process died in
    between) is the same file, and a reader never sees half of one.
    """

    name: ClassVar[str] = "jsonfile"
    Settings = JsonFileSettings

    def describe(self) -> str:
        return f"JSON files in {self.settings.folder}"

    def send(self, notification: Notification) -> None:
        folder = self.base / self.settings.folder
        part = folder / f".{notification.key}.part"
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with part.open("w", encoding="utf-8") as file:
                shown = {k: v for k, v in asdict(notification).items() if k not in ("picture", "at")}
                json.dump(shown, file, ensure_ascii=False, indent=2)
                file.flush()
                os.fsync(file.fileno())  # send() promises that the other side has it
            part.replace(folder / f"{notification.key}.json")
        except FileExistsError:
            # a file stands where the folder should be: trying again cannot help
            raise DeliveryError(
                f"{self.settings.folder} is no folder; name another", permanent=True
            ) from None
        except OSError as error:
            raise DeliveryError(f"{self.settings.folder} cannot be written: {error.strerror}") from None
