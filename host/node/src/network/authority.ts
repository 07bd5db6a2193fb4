// Which addresses a sink may reach.

import { type LookupAddress, lookup } from "node:dns";
import { BlockList, isIPv6, type LookupFunction } from "node:net";

export interface Place {
  /** Without brackets. */
  host: string;
  port: number;
}

/** The host and port of an authority, or nothing where it is none. */
export function placeOf(authority: string, scheme: "http" | "https"): Place | undefined {
  if (/[\s/?#@\\]/.test(authority)) return undefined;
  let url: URL;
  try {
    url = new URL(`${scheme}://${authority}/`);
  } catch {
    return undefined;
  }
  const port = url.port === "" ? (scheme === "https" ? 443 : 80) : Number(url.port);
  return { host: url.hostname.replace(/^\[(.*)\]$/, "$1"), port };
}

/** One spelling for one place. */
export function spelled({ host, port }: Place): string {
  return `${host.toLowerCase()} ${port}`;
}

/** Resolves names, and refuses addresses that no sink may reach. */
export const guardedLookup: LookupFunction = (host, options, callback) => {
  lookup(host, { ...options, all: true }, (error, addresses) => {
    if (error) return callback(error, "");
    const forbidden = addresses.find(({ address }) => isLinkLocal(address));
    if (forbidden !== undefined) return callback(new LinkLocal(), "");
    if (options.all) return callback(null, addresses);
    const { address, family } = addresses[0] as LookupAddress;
    callback(null, address, family);
  });
};

/** Whether an address is of one link: there, clouds have the metadata of their machines. */
export function isLinkLocal(address: string): boolean {
  // Also finds an IPv4 address that is written as one of IPv6.
  return LINK_LOCAL.check(address, isIPv6(address) ? "ipv6" : "ipv4");
}

export class LinkLocal extends Error {
  readonly code = "LINK_LOCAL";
}

const LINK_LOCAL = new BlockList();
LINK_LOCAL.addSubnet("169.254.0.0", 16, "ipv4");
LINK_LOCAL.addSubnet("fe80::", 10, "ipv6");
