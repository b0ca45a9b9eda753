// The shortcodes of emoji that are shown as such: those that apps and people use most. An unknown
// one stays the text it is.

const NAMES = `
😀 grinning 😃 smiley 😄 smile 😁 grin 😆 laughing 😅 sweat_smile 🤣 rolling_on_the_floor_laughing
😂 joy 🙂 slightly_smiling_face 🙃 upside_down_face 😉 wink 😊 blush 😍 heart_eyes 😘 kissing_heart
😎 sunglasses 🤔 thinking_face 😐 neutral_face 🙄 face_with_rolling_eyes 😬 grimacing 😴 sleeping
😕 confused 🙁 slightly_frowning_face 😮 open_mouth 😢 cry 😭 sob 😱 scream 😡 rage 😤 triumph
🤯 exploding_head 🥳 partying_face 🤖 robot_face 👻 ghost 💀 skull 👀 eyes 🧠 brain
👍 +1 thumbsup 👎 -1 thumbsdown 👌 ok_hand 👋 wave ✋ hand 🙌 raised_hands 👏 clap 🙏 pray
💪 muscle 🤝 handshake 👉 point_right 👈 point_left 👆 point_up_2 👇 point_down ✍️ writing_hand
🤞 crossed_fingers 🫡 saluting_face 🤷 shrug 🙋 raising_hand 🧑‍💻 technologist
👤 bust_in_silhouette 👥 busts_in_silhouette 🕵️ sleuth_or_spy 👮 cop 🧯 fire_extinguisher
❤️ heart 💙 blue_heart 💚 green_heart 💛 yellow_heart 🧡 orange_heart 💜 purple_heart 💔 broken_heart
✅ white_check_mark ☑️ ballot_box_with_check ✔️ heavy_check_mark ❌ x ❎ negative_squared_cross_mark
⛔ no_entry 🚫 no_entry_sign 🛑 octagonal_sign ⚠️ warning 🚨 rotating_light ❗ exclamation
❗ heavy_exclamation_mark ❓ question ❔ grey_question ❕ grey_exclamation ‼️ bangbang 💯 100
🔴 red_circle 🟠 large_orange_circle 🟡 large_yellow_circle 🟢 large_green_circle
🔵 large_blue_circle 🟣 large_purple_circle 🟤 large_brown_circle ⚪ white_circle ⚫ black_circle
🟥 large_red_square 🟧 large_orange_square 🟨 large_yellow_square 🟩 large_green_square
🟦 large_blue_square ⬜ white_large_square ⬛ black_large_square 🔶 large_orange_diamond
🔷 large_blue_diamond 🔸 small_orange_diamond 🔹 small_blue_diamond 🔺 small_red_triangle
⏳ hourglass_flowing_sand ⌛ hourglass ⏰ alarm_clock ⏱️ stopwatch ⏲️ timer_clock ⌚ watch
🕐 clock1 🕒 clock3 🕕 clock6 🕘 clock9 🕛 clock12 📅 date 📆 calendar 🗓️ spiral_calendar_pad
🔒 lock 🔓 unlock 🔐 closed_lock_with_key 🔏 lock_with_ink_pen 🔑 key 🗝️ old_key 🛡️ shield
🚪 door 🔔 bell 🔕 no_bell 📣 mega 📢 loudspeaker 🔊 loud_sound 🔇 mute
↩️ leftwards_arrow_with_hook ↪️ arrow_right_hook ➡️ arrow_right ⬅️ arrow_left ⬆️ arrow_up
⬇️ arrow_down 🔄 arrows_counterclockwise 🔁 repeat 🔃 arrows_clockwise ⏩ fast_forward
▶️ arrow_forward ⏸️ double_vertical_bar ⏹️ black_square_for_stop ➕ heavy_plus_sign
➖ heavy_minus_sign ✖️ heavy_multiplication_x 🆕 new 🆗 ok 🆘 sos 🆙 up ℹ️ information_source
🎉 tada 🎊 confetti_ball 🎯 dart 🏆 trophy 🥇 first_place_medal 🎁 gift 🎂 birthday 🍕 pizza ☕ coffee
🍺 beer 🍻 beers 🚀 rocket ✈️ airplane 🚗 car 🚧 construction 🚦 vertical_traffic_light ⚓ anchor
🔥 fire 💥 boom ✨ sparkles ⭐ star 🌟 star2 ⚡ zap ☀️ sunny ☁️ cloud 🌧️ rain_cloud ❄️ snowflake
🌈 rainbow 🌍 earth_africa 🌎 earth_americas 🌐 globe_with_meridians 🌱 seedling 🌲 evergreen_tree
🐛 bug 🐙 octopus 🐳 whale 🐘 elephant 🐍 snake 🦀 crab 🐶 dog 🐱 cat 🦄 unicorn_face 🐢 turtle
💻 computer 🖥️ desktop_computer ⌨️ keyboard 📱 iphone ☎️ phone 💾 floppy_disk 💽 minidisc
🖨️ printer 🔋 battery 🔌 electric_plug 💡 bulb 🔦 flashlight 🔧 wrench 🔨 hammer 🛠️ hammer_and_wrench
⚙️ gear 🔩 nut_and_bolt 🔗 link 📎 paperclip 📌 pushpin 📍 round_pushpin ✂️ scissors 🧪 test_tube
🔬 microscope 🔭 telescope 🧰 toolbox 🧹 broom 🗑️ wastebasket 📦 package 🗄️ file_cabinet
📁 file_folder 📂 open_file_folder 📄 page_facing_up 📃 page_with_curl 📋 clipboard 📝 memo pencil
✏️ pencil2 📖 book 📚 books 📜 scroll 📰 newspaper 🏷️ label 🎫 ticket 🎟️ admission_tickets
📈 chart_with_upwards_trend 📉 chart_with_downwards_trend 📊 bar_chart 🔍 mag 🔎 mag_right
✉️ email envelope 📧 e-mail 📨 incoming_envelope 📥 inbox_tray 📤 outbox_tray 📫 mailbox
💬 speech_balloon 💭 thought_balloon 🗨️ left_speech_bubble 🏠 house 🏢 office 🏭 factory
🏥 hospital 🏦 bank ⚖️ scales 💰 moneybag 💳 credit_card 💸 money_with_wings 🧾 receipt
🏁 checkered_flag 🚩 triangular_flag_on_post 🏳️ waving_white_flag 🎬 clapper 🎵 musical_note
1️⃣ one 2️⃣ two 3️⃣ three 4️⃣ four 5️⃣ five 6️⃣ six 7️⃣ seven 8️⃣ eight 9️⃣ nine 0️⃣ zero 🔟 keycap_ten
`;

const BY_NAME = new Map();
let emoji = "";
for (const word of NAMES.trim().split(/\s+/)) {
  if (/^[a-z0-9_+-]+$/.test(word)) BY_NAME.set(word, emoji);
  else emoji = word;
}

/** The character of a shortcode, or undefined. */
export const emojiNamed = (name) => BY_NAME.get(name);
