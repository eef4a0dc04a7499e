"""Groups of commands."""

from __future__ import annotations

import click


class Group(click.Group):
    """A group that answers an unknown command with the known ones."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            ctx.fail(f"there is no command {args[0]!r}; known: {', '.join(self.list_commands(ctx))}")
        return super().resolve_command(ctx, args)
