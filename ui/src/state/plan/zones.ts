// Time zones as people look for them: by the names of IANA, by what the browser's language calls them, and by some cities whose name
// IANA does not have.

import { offsetAt, offsetText } from "./zone";

export interface ZoneEntry {
  zone: string;
  /** "Berlin", "Buenos Aires". */
  city: string;
  /** "Central European Standard Time", in the language. */
  name: string;
  /** "GMT+1". */
  offset: string;
  /** Before UTC now, milliseconds. */
  ahead: number;
}

/** Cities many live in that are no zone's name, and Chinese names of cities that are. */
const ALIASES: Record<string, string> = {
  "Asia/Shanghai": "Beijing Shenzhen Guangzhou Chengdu Hangzhou 北京 上海 广州 深圳 成都 杭州 武汉 西安 南京", "Asia/Hong_Kong": "香港", "Asia/Macau": "澳门", "Asia/Taipei": "台北",
  "Asia/Urumqi": "乌鲁木齐", "Asia/Tokyo": "Osaka Kyoto 东京 大阪", "Asia/Seoul": "首尔", "Asia/Singapore": "新加坡", "Asia/Bangkok": "曼谷", "Asia/Dubai": "Abu Dhabi 迪拜 阿布扎比",
  "Asia/Kolkata": "Mumbai Delhi Bangalore Chennai Hyderabad 孟买 德里 新德里 加尔各答 班加罗尔", "Asia/Calcutta": "Kolkata Mumbai Delhi Bangalore Chennai Hyderabad 孟买 德里 新德里 加尔各答 班加罗尔",
  "Europe/Berlin": "Munich Hamburg Frankfurt Cologne München Köln 柏林 慕尼黑 法兰克福 汉堡", "Europe/London": "Manchester Edinburgh 伦敦", "Europe/Paris": "Lyon Marseille 巴黎",
  "Europe/Madrid": "Barcelona 马德里 巴塞罗那", "Europe/Rome": "Milan 罗马 米兰", "Europe/Zurich": "Geneva Basel Bern 苏黎世 日内瓦", "Europe/Moscow": "Saint Petersburg 莫斯科", "Europe/Amsterdam": "阿姆斯特丹",
  "Europe/Vienna": "维也纳", "Europe/Stockholm": "斯德哥尔摩", "Europe/Istanbul": "Ankara 伊斯坦布尔", "America/New_York": "Washington Boston Miami Atlanta Philadelphia 纽约 华盛顿 波士顿",
  "America/Los_Angeles": "San Francisco Seattle San Diego Las Vegas 洛杉矶 旧金山 西雅图", "America/Chicago": "Dallas Houston Austin 芝加哥 休斯敦", "America/Denver": "Salt Lake City 丹佛",
  "America/Toronto": "Ottawa Montreal 多伦多", "America/Vancouver": "温哥华", "America/Sao_Paulo": "Rio de Janeiro Brasília São Paulo 圣保罗", "America/Mexico_City": "墨西哥城",
  "Australia/Sydney": "Canberra 悉尼 堪培拉", "Australia/Melbourne": "墨尔本", "Pacific/Auckland": "Wellington 奥克兰", "Africa/Cairo": "开罗", "Africa/Johannesburg": "Cape Town 约翰内斯堡",
};

/** All the browser knows, `first` before the others; then by how far they are ahead. */
export function allZones(locale: string, at: number, first: string): ZoneEntry[] {
  const names = new Set([first, "UTC", ...Intl.supportedValuesOf("timeZone")]);
  const all = [...names].map((zone) => describeZone(zone, locale, at));
  return all.sort((a, b) => Number(b.zone === first) - Number(a.zone === first) || a.ahead - b.ahead || (a.city < b.city ? -1 : 1));
}

export function describeZone(zone: string, locale: string, at: number): ZoneEntry {
  const parts = new Intl.DateTimeFormat(locale, { timeZone: zone, timeZoneName: "longGeneric" }).formatToParts(at);
  const name = parts.find((p) => p.type === "timeZoneName")?.value ?? zone;
  return { zone, city: cityOf(zone), name, offset: offsetText(at, zone, locale), ahead: offsetAt(at, zone) };
}

export function cityOf(zone: string): string {
  return (zone.split("/").at(-1) ?? zone).replaceAll("_", " ");
}

/** Those every word of the query begins a word of; where a city begins so before where only the rest does. */
export function findZones(all: readonly ZoneEntry[], query: string): ZoneEntry[] {
  const words = fold(query).split(/[\s/_,]+/).filter(Boolean);
  if (words.length === 0) return [...all];
  const scored = all.flatMap((entry) => {
    const city = fold(entry.city);
    const aliases = fold(ALIASES[entry.zone] ?? "");
    const text = `${city} ${fold(entry.zone.replace(/[/_]/g, " "))} ${aliases} ${fold(entry.name)} ${fold(entry.offset)}`;
    const hits = words.every((word) => begins(text, word));
    if (!hits) return [];
    const whole = words.join(" ");
    return [{ entry, score: city.startsWith(whole) ? 0 : begins(aliases, whole) ? 1 : 2 }];
  });
  return scored.sort((a, b) => a.score - b.score).map(({ entry }) => entry);
}

/** Chinese has no spaces: there it may stand anywhere. */
function begins(text: string, word: string): boolean {
  return /\p{Script=Han}/u.test(word) ? text.includes(word) : text.startsWith(word) || text.includes(` ${word}`);
}

function fold(text: string): string {
  return text.normalize("NFD").replace(/\p{M}/gu, "").toLowerCase();
}
