// What an HDHomeRun device says in `X-HDHomeRun-Error` when it has no pictures to send: https://info.hdhomerun.com/info/http_api.

const sentences: Readonly<Record<string, string>> = {
  "tune.unknown": "801 Unknown Channel",
  "tune.taken": "804 Tuner In Use",
  "tune.busy": "805 All Tuners In Use",
  "tune.bandwidth": "805 All Tuners In Use",
  "dial.timeout": "807 No Video Data",
  "dial.stalled": "807 No Video Data",
  "fetch.timeout": "807 No Video Data",
  "fetch.stalled": "807 No Video Data",
};

/** The number and sentence for an error code of ours; what the device has no word for is 806. */
export function deviceErrorOf(code: string): string {
  return sentences[code] ?? "806 Tune Failed";
}
