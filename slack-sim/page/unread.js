// What each person has not read yet.
//
// A channel is read up to the latest message that was on the screen. Replies count in their
// thread's channel only if they show there; one's own words and changes to what was read count
// nowhere. The page's first look is taken as read, so that what is new is what happens from now on.

/** Whether a message shows in its channel, not only in a thread. */
export const isInChannel = (message) =>
  !message.thread_ts || message.thread_ts === message.ts || message.is_broadcast === true;

/** Read marks by `person/channel`: the time of the latest message that was read. */
export class ReadMarks {
  constructor(kept = null) {
    this.marks = new Map(Object.entries(kept ?? {}));
    this.isFirstLook = kept === null;
  }

  /** Takes the page's first look at what everybody sees as read. */
  begin(seen) {
    if (!this.isFirstLook) return;
    this.isFirstLook = false;
    for (const [person, { messages }] of seen) {
      for (const { channel } of messages) this.read(person, channel, messages);
    }
  }

  /** Everything in the channel is read; whether anything was not. */
  read(person, channel, messages) {
    const latest = messages.findLast((message) => message.channel === channel)?.ts ?? "";
    const key = `${person}/${channel}`;
    if (!(latest > (this.marks.get(key) ?? ""))) return false;
    this.marks.set(key, latest);
    return true;
  }

  /** How many messages in each channel the person has not read, by channel. */
  unread(person, messages) {
    const counts = new Map();
    for (const message of messages) {
      const mark = this.marks.get(`${person}/${message.channel}`) ?? "";
      if (message.ts > mark && message.user !== person && isInChannel(message)) {
        counts.set(message.channel, (counts.get(message.channel) ?? 0) + 1);
      }
    }
    return counts;
  }

  toJSON() {
    return Object.fromEntries(this.marks);
  }
}
