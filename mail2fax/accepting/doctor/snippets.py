"""What to write into the configuration for a device: YAML to paste; pure (L13)."""

from mail2fax.accepting.doctor.dialogue import Kind
from mail2fax.accepting.doctor.story import Story


def legacy_listener(story: Story) -> str:
    """A listener for clients of old, and the rule that holds there."""
    return (
        "listen:\n  - {name: old-copiers, address: 0.0.0.0, port: 2525, legacy: true}\n"
        f"{by_address(story)}"
    )


def by_address(story: Story) -> str:
    """A rule that names the device's address."""
    return (
        f"senders:\n  - name: {story.device}\n    networks: [{story.peer or '192.168.1.40'}]\n"
        "    device: true\n    reply_to: office@your-domain.example"
    )


def after_rehearsal(story: Story) -> str:
    """The rule for a device as it showed itself where everything is allowed."""
    if not story.answer("AUTH", "235"):
        return by_address(story)
    yaml = f"senders:\n  - login: [{story.device}]  # mail2fax user add {story.device}"
    if story.first(Kind.TLS) is None:
        yaml += f"\nauth_without_tls: [{story.peer}]  # at your listener"
    return yaml
