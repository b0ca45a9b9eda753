"""The smallest app on Slack's own framework for Python: it acknowledges `/jit`, and nothing else.

Served by gunicorn through the framework's WSGI adapter, as its documentation recommends for production:

    gunicorn --workers 2 --threads 8 --bind 127.0.0.1:PORT bolt:api
"""

import os

from slack_bolt import App
from slack_bolt.adapter.wsgi import SlackRequestHandler
from slack_sdk import WebClient

token = os.environ["SLACK_BOT_TOKEN"]
app = App(
    client=WebClient(token=token, base_url=os.environ["SLACK_API_URL"]),
    signing_secret=os.environ["SLACK_SIGNING_SECRET"],
)


@app.command("/jit")
def jit(ack):
    ack()


api = SlackRequestHandler(app)
