// English: files in the chat.

export const enFiles = {
  "files.attach": "Attach files",
  "files.list": "Files in this chat ({n})",
  "files.waiting": "Files to send",
  "files.progress": "{percent} % of {size}",
  "files.ready": "ready, {size}",
  "files.cancel": "Do not send {name}",
  "files.remove": "Remove {name}",
  "files.save": "Save {name}, {size}",
  "files.removed": "removed",
  "files.too_large": "larger than {size}",
  "files.empty": "empty",
  "files.failed": "not uploaded",
  "files.too_many": "At most {n} files go with one message.",
  "files.off": "no files are taken here",
  "files.gone": "{name} is not kept any more.",
  "files.browser": "Files can be saved in a browser.",
  "files.again": "Upload {name} again",
};
