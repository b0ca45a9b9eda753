// The same app as `app.py`, on Slack's SDK for Node: @slack/bolt, which speaks through
// @slack/web-api and @slack/socket-mode.

'use strict';

const fs = require('node:fs');
const path = require('node:path');
const { App } = require('@slack/bolt');
const { WebClient } = require('@slack/web-api');

const transport = process.argv[2];
const clientOptions = { slackApiUrl: process.env.API_URL };
const views = fs.readFileSync(path.join(__dirname, 'views.json'), 'utf8');

const app = new App({
  token: process.env.BOT_TOKEN,
  clientOptions,
  ...(transport === 'http'
    ? { signingSecret: process.env.SIGNING_SECRET }
    : { socketMode: true, appToken: process.env.APP_TOKEN }),
});

/** What `views.json` has under this name, saying `text`. */
function say(name, text = '') {
  return JSON.parse(views.replaceAll('TEXT', JSON.stringify(text).slice(1, -1)))[name];
}

app.command('/jit', async ({ ack, body, client, respond }) => {
  if (body.text === 'check') {
    await ack();
    await respond((await checks(client, body.trigger_id)).join('\n'));
    return;
  }
  await ack('Opening the form.');
  await client.views.open({ trigger_id: body.trigger_id, view: say('form') });
  await respond('The form is open.');
});

app.options('scope', async ({ ack, payload }) => {
  const typed = payload.value.toLowerCase();
  const options = say('scopes').filter((one) => one.text.text.toLowerCase().includes(typed));
  await ack({ options });
});

app.action('scope', async ({ ack, body, client }) => {
  await ack();
  const form = say('form');
  form.blocks.splice(1, 0, say('note'));
  await client.views.update({ view_id: body.view.id, hash: body.view.hash, view: form });
});

app.view('form', async ({ ack, body, view, client }) => {
  const { scope, duration, reason } = view.state.values;
  if (reason.reason.value.length < 10) {
    await ack({ response_action: 'errors', errors: { reason: 'Say more than that.' } });
    return;
  }
  await ack();
  const what = scope.scope.selected_option.value;
  const long = duration.duration.selected_option.value;
  const text = `<@${body.user.id}> asks for ${what} for ${long}: ${reason.reason.value}`;
  await client.chat.postMessage({
    channel: view.private_metadata,
    text,
    blocks: say('card', text),
    metadata: { event_type: 'request', event_payload: { id: 'r1' } },
    unfurl_links: false,
  });
});

app.action('more', async ({ ack, action, respond }) => {
  await ack();
  const text = `You chose ${action.selected_option.value}.`;
  await respond({ text, replace_original: false });
});

app.action('approve', async ({ ack, body, action, client }) => {
  await ack();
  const [channel, ts, user] = [body.channel.id, body.message.ts, body.user.id];
  const text = `Approved by <@${user}>, ${action.value}`;
  await client.chat.update({ channel, ts, text, blocks: say('card', text).slice(0, 1) });
  await client.chat.postMessage({ channel, thread_ts: ts, text: 'Granted.' });
  const recorded = { text: 'Recorded.', blocks: say('recorded') };
  await client.chat.postEphemeral({ channel, user, ...recorded });
});

app.action('deny', async ({ ack, body, respond }) => {
  await ack();
  await respond({ text: `Denied by <@${body.user.id}>`, replace_original: true });
});

app.action('dismiss', async ({ ack, respond }) => {
  await ack();
  await respond({ delete_original: true });
});

app.event('app_home_opened', async ({ event, client }) => {
  const again = event.view ? 'again' : 'for the first time';
  await client.views.publish({ user_id: event.user, view: say('home', `Here ${again}`) });
});

app.action('refresh', async ({ ack, body, client }) => {
  await ack();
  const view = say('home', 'Refreshed');
  await client.views.publish({ user_id: body.user.id, hash: body.view.hash, view });
});

app.action('details', async ({ ack, body, client }) => {
  await ack();
  await client.views.open({ trigger_id: body.trigger_id, view: say('step', 'First') });
});

app.action('above', async ({ ack, body, client }) => {
  await ack();
  await client.views.push({ trigger_id: body.trigger_id, view: say('step', 'Above') });
});

app.action('count', async ({ ack, body, client }) => {
  await ack();
  const { id, hash } = body.view;
  await client.views.update({ view_id: id, hash, view: say('step', 'Counted') });
});

app.view('First', async ({ ack }) => {
  await ack({ response_action: 'update', view: say('step', 'Second') });
});

app.view('Second', async ({ ack }) => {
  await ack({ response_action: 'push', view: say('step', 'Third') });
});

app.view('Third', async ({ ack }) => {
  await ack({ response_action: 'clear' });
});

app.view({ type: 'view_closed', callback_id: 'Counted' }, async ({ ack, body, client }) => {
  await ack();
  const cleared = body.is_cleared ? 'all' : 'one';
  await client.chat.postMessage({ channel: body.user.id, text: `You closed ${cleared}.` });
});

/** What this SDK makes of what the Web API answers, one line each. */
async function checks(client, trigger_id) {
  const lines = [];
  const line = (name, text) => lines.push(`${name}: ${text}`);
  const refused = async (name, call) => {
    const data = await call.then(() => ({ error: 'not refused' }), (error) => error.data);
    line(name, [data.error, ...(data.response_metadata?.messages ?? [])].join(' '));
  };
  const as = (token, options = {}) => new WebClient(token, { ...clientOptions, ...options });
  const all = async (pages, key) => {
    const found = [];
    for await (const page of pages) found.push(...page[key]);
    return found;
  };

  const view = say('step', 'First');
  const opened = await client.views.open({ trigger_id, view });
  await refused('used trigger', client.views.open({ trigger_id, view }));
  const view_id = opened.view.id;
  await refused('stale view', client.views.update({ view_id, hash: '1.stale', view }));
  delete view.title;
  await refused('view', client.views.update({ view_id, view }));

  await refused('wrong token', as('xoxb-wrong').auth.test());
  await refused('no token', as().auth.test());
  await refused('unknown method', client.apiCall('no.such'));

  line('waits when told to', (await client.users.info({ user: 'U0ALICE' })).user.real_name);
  const impatient = as(client.token, { rejectRateLimitedCalls: true });
  const limit = await impatient.users.list().catch((error) => error);
  line('is told how long', limit.retryAfter);
  const { channel } = await client.conversations.info({ channel: 'C0DBA' });
  line('tries anew when cut off', `${channel.name} ${channel.is_ext_shared}`);

  line('email', (await client.users.info({ user: 'U0BOB' })).user.profile.email);
  const stranger = (await client.users.info({ user: 'U0SUE' })).user;
  line('stranger', `${stranger.is_stranger} ${'email' in stranger.profile}`);
  const people = await all(client.paginate('users.list', { limit: 2 }), 'members');
  line('people', people.map((one) => one.id).sort().join(' '));
  const pages = client.paginate('conversations.members', { channel: 'C0DBA', limit: 2 });
  line('members', (await all(pages, 'members')).sort().join(' '));
  const [group] = (await client.usergroups.list({ include_users: true })).usergroups;
  line('groups', [group.handle, ...group.users].join(' '));
  line('group', (await client.usergroups.users.list({ usergroup: 'S0DBA' })).users.join(' '));

  const card = say('card', 'A card');
  const direct = (await client.conversations.open({ users: 'U0BOB' })).channel.id;
  const posted = await client.chat.postMessage({ channel: 'U0BOB', text: 'Hello', blocks: card });
  line('a direct message has a channel of its own', posted.channel === direct);
  const message = { channel: direct, message_ts: posted.ts };
  const { permalink } = await client.chat.getPermalink(message);
  line('link', permalink.endsWith(`/p${posted.ts.replace('.', '')}`));

  card[0].text.text = 'x'.repeat(3001);
  const post = (channel, text, blocks) => client.chat.postMessage({ channel, text, blocks });
  await refused('blocks', post('C0DBA', 'A card', card));
  await refused('nothing', post('C0DBA', ''));
  await refused('nowhere', post('C0NONE', 'Hello'));
  await refused('archived', post('C0OLD', 'Hello'));
  await refused('not a member', post('C0OUT', 'Hello'));
  const long = { channel: direct, ts: posted.ts, text: 'x'.repeat(4001) };
  await refused('long', client.chat.update(long));
  return lines;
}

process.stdin.resume().on('end', () => process.exit());
app.start({ port: 0, host: '127.0.0.1' }).then((started) => {
  const port = transport === 'http' && started.address().port;
  console.log(port ? `ready http://127.0.0.1:${port}` : 'ready and connected');
});
