// One gzip member put together from independent raw-deflate parts (RFC 1951, RFC 1952).
import { Buffer } from "node:buffer";

/** A gzip header without name or time. */
export const gzipHeader = Buffer.from([0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
/** An empty last block: what ends a sequence of parts that each end with a sync flush. */
export const deflateEnd = Buffer.from([3, 0]);

/** Check sum and size modulo 2^32 of the content. */
export function gzipTrailer(crc: number, size: number): Buffer {
  const trailer = Buffer.alloc(8);
  trailer.writeUInt32LE(crc >>> 0, 0);
  trailer.writeUInt32LE(size % 0x100000000, 4);
  return trailer;
}

type Matrix = Uint32Array;

function times(matrix: Matrix, vector: number): number {
  let sum = 0;
  for (let bit = 0, left = vector; left !== 0; bit++, left >>>= 1) if (left & 1) sum ^= matrix[bit] as number;
  return sum >>> 0;
}

const square = (matrix: Matrix): Matrix => matrix.map((column) => times(matrix, column));

// One zero bit: shift right, and fold the polynomial in where a bit falls off.
const zeroBit = Uint32Array.from({ length: 32 }, (_, n) => (n === 0 ? 0xedb88320 : 1 << (n - 1)));

/** The operators that append 2^n zero bytes to what a CRC-32 has seen, for n from 0; each made when it is first needed. */
const operators: Matrix[] = [];

function zeroBytes(n: number): Matrix {
  for (let last = operators.at(-1); operators.length <= n; last = operators.at(-1))
    operators.push(last ? square(last) : square(square(square(zeroBit))));
  return operators[n] as Matrix;
}

/** The CRC-32 of two texts one after the other, from theirs and the length of the second. */
export function combineCrc(first: number, second: number, secondLength: number): number {
  let crc = first >>> 0;
  for (let n = 0, left = secondLength; left > 0; n++, left = Math.floor(left / 2)) {
    if (left % 2 === 1) crc = times(zeroBytes(n), crc);
  }
  return (crc ^ second) >>> 0;
}
