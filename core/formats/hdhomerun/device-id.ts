// Ids of HDHomeRun devices: which are valid, and how to make one.

/** Values of the digits at odd places in the sum that is zero for a valid id (`hdhomerun_discover_validate_device_id`). */
const checkDigits = [0xa, 0x5, 0xf, 0x6, 0x7, 0xc, 0x1, 0xb, 0x9, 0x2, 0x8, 0xd, 0x4, 0x3, 0xe, 0x0];

/** True for eight hexadecimal digits that libhdhomerun would look for. */
export function isDeviceId(text: string): boolean {
  return /^[0-9a-f]{8}$/i.test(text) && checkSum(text) === 0;
}

/**
 * The id of seven hexadecimal digits, in capitals. Ids that begin with 105 or 10A are no real device's, and not taken for
 * one of the first models, which were tuned otherwise.
 *
 * @throws RangeError when it is something else than seven digits
 * @example completeDeviceId("1050000"); // "10500009"
 */
export function completeDeviceId(digits: string): string {
  if (!/^[0-9a-f]{7}$/i.test(digits)) throw new RangeError(`${digits} is not seven hexadecimal digits`);
  return (digits + checkSum(digits).toString(16)).toUpperCase();
}

function checkSum(digits: string): number {
  let sum = 0;
  for (const [at, digit] of [...digits].entries()) {
    const value = Number.parseInt(digit, 16);
    sum ^= at % 2 === 0 ? (checkDigits[value] ?? 0) : value;
  }
  return sum;
}
