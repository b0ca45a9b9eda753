"""An app as Slack's documentation tells one to write it, on slack_bolt and slack_sdk unchanged.

`app.js` is the same app on Slack's SDK for Node; `main.rs` drives both and says what must come of
it. The one thing that differs from an app for Slack itself is the address of the Web API.
"""

import json
import os
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from slack_bolt import App, BoltRequest
from slack_bolt.adapter.socket_mode import SocketModeHandler
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_handlers import RateLimitErrorRetryHandler
from slack_sdk.models.blocks import Block
from slack_sdk.models.views import View

API = os.environ["API_URL"]
VIEWS = (Path(__file__).parent / "views.json").read_text()

client = WebClient(os.environ["BOT_TOKEN"], base_url=API)
client.retry_handlers.append(RateLimitErrorRetryHandler(max_retry_count=1))
app = App(client=client, signing_secret=os.environ["SIGNING_SECRET"])


def say(name, text=""):
    """What `views.json` has under this name, saying `text`."""
    return json.loads(VIEWS.replace("TEXT", json.dumps(text)[1:-1]))[name]


@app.command("/jit")
def command(ack, body, client, respond):
    if body["text"] == "check":
        ack()
        respond("\n".join(checks(body["trigger_id"])))
        return
    ack("Opening the form.")
    opened = client.views_open(trigger_id=body["trigger_id"], view=say("form"))
    View(**opened["view"]).to_dict()
    respond("The form is open.")


@app.options("scope")
def suggest(ack, payload):
    typed = payload["value"].lower()
    ack(options=[one for one in say("scopes") if typed in one["text"]["text"].lower()])


@app.action("scope")
def chosen(ack, body, client):
    ack()
    form, view = say("form"), body["view"]
    form["blocks"].insert(1, say("note"))
    client.views_update(view_id=view["id"], hash=view["hash"], view=form)


@app.view("form")
def submitted(ack, body, view, client):
    values = view["state"]["values"]
    reason = values["reason"]["reason"]["value"]
    if len(reason) < 10:
        ack(response_action="errors", errors={"reason": "Say more than that."})
        return
    ack()
    scope = values["scope"]["scope"]["selected_option"]["value"]
    duration = values["duration"]["duration"]["selected_option"]["value"]
    text = f"<@{body['user']['id']}> asks for {scope} for {duration}: {reason}"
    posted = client.chat_postMessage(
        channel=view["private_metadata"],
        text=text,
        blocks=say("card", text),
        metadata={"event_type": "request", "event_payload": {"id": "r1"}},
        unfurl_links=False,
    )
    Block.parse_all(posted["message"]["blocks"])


@app.action("more")
def asked_more(ack, action, respond):
    ack()
    respond(f"You chose {action['selected_option']['value']}.", replace_original=False)


@app.action("approve")
def approve(ack, body, action, client):
    ack()
    channel, ts, user = body["channel"]["id"], body["message"]["ts"], body["user"]["id"]
    text = f"Approved by <@{user}>, {action['value']}"
    client.chat_update(channel=channel, ts=ts, text=text, blocks=say("card", text)[:1])
    client.chat_postMessage(channel=channel, thread_ts=ts, text="Granted.")
    recorded = say("recorded")
    client.chat_postEphemeral(channel=channel, user=user, text="Recorded.", blocks=recorded)


@app.action("deny")
def deny(ack, body, respond):
    ack()
    respond(f"Denied by <@{body['user']['id']}>", replace_original=True)


@app.action("dismiss")
def dismiss(ack, respond):
    ack()
    respond(delete_original=True)


@app.event("app_home_opened")
def home_opened(event, client):
    again = "again" if "view" in event else "for the first time"
    client.views_publish(user_id=event["user"], view=say("home", f"Here {again}"))


@app.action("refresh")
def refresh(ack, body, client):
    ack()
    user, seen = body["user"]["id"], body["view"]["hash"]
    client.views_publish(user_id=user, hash=seen, view=say("home", "Refreshed"))


@app.action("details")
def details(ack, body, client):
    ack()
    client.views_open(trigger_id=body["trigger_id"], view=say("step", "First"))


@app.action("above")
def above(ack, body, client):
    ack()
    client.views_push(trigger_id=body["trigger_id"], view=say("step", "Above"))


@app.action("count")
def count(ack, body, client):
    ack()
    view = body["view"]
    client.views_update(view_id=view["id"], hash=view["hash"], view=say("step", "Counted"))


@app.view("First")
def first(ack):
    ack(response_action="update", view=say("step", "Second"))


@app.view("Second")
def second(ack):
    ack(response_action="push", view=say("step", "Third"))


@app.view("Third")
def third(ack):
    ack(response_action="clear")


@app.view_closed("Counted")
def closed(ack, body, client):
    ack()
    cleared = "all" if body["is_cleared"] else "one"
    client.chat_postMessage(channel=body["user"]["id"], text=f"You closed {cleared}.")


def checks(trigger_id):
    """What this SDK makes of what the Web API answers, one line each."""

    def refused(call, **args):
        try:
            call(**args)
        except SlackApiError as error:
            messages = error.response.get("response_metadata", {}).get("messages", [])
            return " ".join([error.response["error"], *messages])
        return "not refused"

    def limited():
        try:
            WebClient(client.token, base_url=API).users_list()
        except SlackApiError as error:
            return error.response.headers["Retry-After"]
        return "not limited"

    step = say("step", "First")
    view = client.views_open(trigger_id=trigger_id, view=step)["view"]
    again = {"trigger_id": trigger_id, "view": step}
    yield f"used trigger: {refused(client.views_open, **again)}"
    stale = {"view_id": view["id"], "hash": "1.stale", "view": step}
    yield f"stale view: {refused(client.views_update, **stale)}"
    del step["title"]
    yield f"view: {refused(client.views_update, view_id=view['id'], view=step)}"

    yield f"wrong token: {refused(WebClient('xoxb-wrong', base_url=API).auth_test)}"
    yield f"no token: {refused(WebClient(base_url=API).auth_test)}"
    yield f"unknown method: {refused(client.api_call, api_method='no.such')}"

    yield f"waits when told to: {client.users_info(user='U0ALICE')['user']['real_name']}"
    yield f"is told how long: {limited()}"
    channel = client.conversations_info(channel="C0DBA")["channel"]
    yield f"tries anew when cut off: {channel['name']} {channel['is_ext_shared']}".lower()

    yield f"email: {client.users_info(user='U0BOB')['user']['profile']['email']}"
    stranger = client.users_info(user="U0SUE")["user"]
    yield f"stranger: {stranger['is_stranger']} {'email' in stranger['profile']}".lower()
    people = [one["id"] for page in client.users_list(limit=2) for one in page["members"]]
    yield f"people: {' '.join(sorted(people))}"
    pages = client.conversations_members(channel="C0DBA", limit=2)
    yield f"members: {' '.join(sorted(one for page in pages for one in page['members']))}"
    groups = client.usergroups_list(include_users=True)["usergroups"]
    yield f"groups: {groups[0]['handle']} {' '.join(groups[0]['users'])}"
    yield f"group: {' '.join(client.usergroups_users_list(usergroup='S0DBA')['users'])}"

    card = say("card", "A card")
    direct = client.conversations_open(users="U0BOB")["channel"]["id"]
    posted = client.chat_postMessage(channel="U0BOB", text="Hello", blocks=card)
    yield f"a direct message has a channel of its own: {posted['channel'] == direct}".lower()
    link = client.chat_getPermalink(channel=direct, message_ts=posted["ts"])["permalink"]
    yield f"link: {link.endswith('/p' + posted['ts'].replace('.', ''))}".lower()

    card[0]["text"]["text"] = "x" * 3001
    post, message = client.chat_postMessage, {"channel": "C0DBA", "text": "A card"}
    yield f"blocks: {refused(post, blocks=card, **message)}"
    yield f"nothing: {refused(post, channel='C0DBA', text='')}"
    yield f"nowhere: {refused(post, channel='C0NONE', text='Hello')}"
    yield f"archived: {refused(post, channel='C0OLD', text='Hello')}"
    yield f"not a member: {refused(post, channel='C0OUT', text='Hello')}"
    update = {"channel": direct, "ts": posted["ts"], "text": "x" * 4001}
    yield f"long: {refused(client.chat_update, **update)}"


class Door(BaseHTTPRequestHandler):
    """Hands requests to Bolt; its own development server listens on every interface."""

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        answer = app.dispatch(BoltRequest(body=body, headers=dict(self.headers)))
        self.send_response(answer.status)
        for name, value in answer.first_headers().items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body.encode())


def die_with_the_test():
    sys.stdin.read()
    os._exit(0)


threading.Thread(target=die_with_the_test, daemon=True).start()
if sys.argv[1] == "http":
    server = ThreadingHTTPServer(("127.0.0.1", 0), Door)
    print(f"ready http://127.0.0.1:{server.server_port}", flush=True)
    server.serve_forever()
else:
    SocketModeHandler(app, os.environ["APP_TOKEN"]).connect()
    print("ready and connected", flush=True)
    threading.Event().wait()
