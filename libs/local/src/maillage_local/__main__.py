from maillage_local.cli import app

app()
