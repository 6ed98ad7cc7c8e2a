r"""mail2fax: a daemon that lets people fax by sending e-mail.

The way of one mail through the packages (docs/flow.md tells it in prose)::

    accepting -> preparing -> sending -> Fax.Plus
        \____________ spool ____________/ -> answering -> the person

``reading`` is the pure ground the first two stand on, ``faxplus`` the only door to the
provider, ``simulator`` a local Fax.Plus for tests and the demo.
"""

__version__ = "0.1.0"
