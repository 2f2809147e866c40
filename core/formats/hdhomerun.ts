// What HDHomeRun's port 65001 speaks, as SiliconDust's libhdhomerun reads and writes it; and the device ids it holds for valid.
export * from "./hdhomerun/control.ts";
export * from "./hdhomerun/device-id.ts";
export * from "./hdhomerun/discover.ts";
export {
  formatPacket,
  longestPacket,
  longestPayload,
  type Packet,
  type PacketValue,
  packetTags,
  packetTypes,
  parsePacket,
  readPacket,
} from "./hdhomerun/packet.ts";
