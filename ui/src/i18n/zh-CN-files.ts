// 简体中文：聊天中的文件。

export const zhFiles = {
  "files.attach": "添加文件",
  "files.list": "聊天中的文件（{n}）",
  "files.waiting": "待发送的文件",
  "files.progress": "{percent}%，共 {size}",
  "files.ready": "已就绪，{size}",
  "files.cancel": "不发送 {name}",
  "files.remove": "移除 {name}",
  "files.save": "保存 {name}，{size}",
  "files.removed": "已移除",
  "files.too_large": "超过 {size}",
  "files.empty": "空文件",
  "files.failed": "上传失败",
  "files.too_many": "一条消息最多附带 {n} 个文件。",
  "files.off": "此服务器不接收文件",
  "files.gone": "{name} 已不再保留。",
  "files.browser": "文件可在浏览器中保存。",
  "files.again": "重新上传 {name}",
};
