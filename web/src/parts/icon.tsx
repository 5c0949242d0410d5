// Icons of a grid of 20: drawn here, as the few that are needed cost less than a library of them.

const PATHS = {
  home: "M3.5 9 10 3.5 16.5 9v7a.5.5 0 0 1-.5.5h-3.5V12h-5v4.5H4a.5.5 0 0 1-.5-.5Z",
  stacks: "m10 3 7 3.5-7 3.5-7-3.5Zm-7 7 7 3.5 7-3.5M3 13.5 10 17l7-3.5",
  dashboards: "M3 3.5h6v7H3Zm8 0h6v4h-6Zm0 6h6v7h-6Zm-8 3h6v4H3Z",
  plus: "M10 4v12M4 10h12",
  edit: "m4 13.5-.5 3 3-.5L16 6.5 13.5 4Z",
  undo: "M4 8h8a4.5 4.5 0 0 1 0 9H9M4 8l3.5-3.5M4 8l3.5 3.5",
  redo: "M16 8H8a4.5 4.5 0 0 0 0 9h3M16 8l-3.5-3.5M16 8l-3.5 3.5",
  comment: "M3.5 4h13v9.5H9L5.5 16.5v-3h-2Z",
  bin: "M4 5.5h12M8 5.5v-2h4v2m-6.5 0 .7 11h7.6l.7-11",
  grip: "M7.5 5h.1m4.9 0h.1M7.5 10h.1m4.9 0h.1M7.5 15h.1m4.9 0h.1",
  whole: "M4 8V4h4m4 0h4v4m0 4v4h-4m-4 0H4v-4",
  left: "m12.5 4.5-5.5 5.5 5.5 5.5",
  right: "m7.5 4.5 5.5 5.5-5.5 5.5",
  peers: "M7.5 9.5a3 3 0 1 0 0-6 3 3 0 0 0 0 6ZM2 16.5c.4-3 2.5-4.5 5.5-4.5s5.1 1.5 5.5 4.5M13 4a3 3 0 0 1 0 5.5M15 12.3c1.8.6 2.8 2 3 4.2",
  settings: "M3 6h8m4 0h2M3 14h2m4 0h8M13 8a2 2 0 1 0 0-4 2 2 0 0 0 0 4ZM7 16a2 2 0 1 0 0-4 2 2 0 0 0 0 4Z",
  search: "M9 15A6 6 0 1 0 9 3a6 6 0 0 0 0 12Zm4.5-1.5L17 17",
  light: "M10 13.5a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM10 2v1.5m0 13V18M2 10h1.5m13 0H18M4.3 4.3l1.1 1.1m9.2 9.2 1.1 1.1m0-11.4-1.1 1.1m-9.2 9.2-1.1 1.1",
  dark: "M16.5 11.7A6.8 6.8 0 0 1 8.3 3.5a6.8 6.8 0 1 0 8.2 8.2Z",
  copy: "M7.5 7.5h8.5v9H7.5ZM12.5 7.5v-4H4v9h3.5",
  check: "m4 10.5 4 4 8-9",
  download: "M10 3v9.5m-4-4 4 4 4-4M3.5 16.5h13",
  upload: "M10 13V3.5m-4 4 4-4 4 4M3.5 16.5h13",
  table: "M3 4h14v12H3ZM3 8h14M3 12h14M8.5 4v12",
  image: "M3 4h14v12H3Zm0 9 4-4 4 4 2.5-2.5L17 14M12.5 8.5a1 1 0 1 0 0-2 1 1 0 0 0 0 2Z",
  text: "M4 4.5h12M4 8.5h12M4 12.5h8M4 16.5h5",
  code: "m7 6-4 4 4 4m6-8 4 4-4 4",
  model: "M10 2.5 16.5 6v8L10 17.5 3.5 14V6Zm0 0V10m0 0 6.5-4M10 10 3.5 6M10 10v7.5",
  file: "M5 2.5h6.5L15 6v11.5H5ZM11.5 2.5V6H15",
  clock: "M10 17a7 7 0 1 0 0-14 7 7 0 0 0 0 14Zm0-11v4l2.5 2",
  alert: "M10 3.5 17.5 16.5h-15ZM10 8v4m0 2v.5",
  lock: "M5 9h10v8H5Zm2 0V6.5a3 3 0 0 1 6 0V9",
  chart: "M3 3v14h14M6 13l3.5-4 3 2.5L17 6",
  play: "M6 4v12l10-6Z",
  pin: "M7 3h6l-.8 5.5 2.8 3H5l2.8-3ZM10 11.5V17",
  tag: "M3 3h7l7 7-7 7-7-7Zm3.5 4.5a1 1 0 1 0 0-2 1 1 0 0 0 0 2Z",
  more: "M4.5 10.5a.5.5 0 1 0 0-1 .5.5 0 0 0 0 1Zm5.5 0a.5.5 0 1 0 0-1 .5.5 0 0 0 0 1Zm5.5 0a.5.5 0 1 0 0-1 .5.5 0 0 0 0 1Z",
  trash: "M4 5.5h12M8 5.5V3.5h4v2M5.5 5.5 6.3 17h7.4l.8-11.5M8.5 9v5m3-5v5",
  close: "m5 5 10 10M15 5 5 15",
  away: "M3 3l14 14M6 14.5H5.5a3 3 0 0 1-.6-5.9A5 5 0 0 1 6 6.5m2.5-1.3A5 5 0 0 1 14.8 9a3 3 0 0 1 1.7 4.9",
  command: "M7 13H5a2 2 0 1 0 2 2ZM13 13h2a2 2 0 1 1-2 2ZM7 7H5a2 2 0 1 1 2-2ZM13 7h2a2 2 0 1 0-2-2ZM7 7h6v6H7Z",
  down: "m4.5 7.5 5.5 5.5 5.5-5.5",
  printer: "M6 7V3h8v4M6 14H3.5V7.5h13V14H14M6 11.5h8V17H6Z",
  shield: "M10 2.5 16 5v4.5c0 4-2.5 6.5-6 8-3.5-1.5-6-4-6-8V5Zm-2.5 7.5 2 2 3.5-4",
  up: "M10 16V4m-5 5 5-5 5 5",
  bell: "M5 14.5V9a5 5 0 0 1 10 0v5.5l1.5 1h-13ZM8.5 17.5h3",
  transfers: "M6 16.5v-12m0 0L3 7.5m3-3 3 3m5-4v12m0 0 3-3m-3 3-3-3",
  key: "M12.5 11a3.75 3.75 0 1 0-3.6-2.8L3.5 13.6v2.9h3v-2h2v-2l1.3-1.3c.8.5 1.7.8 2.7.8Zm.8-4.5v.1",
  pause: "M7 4.5v11m6-11v11",
  narrower: "M2.5 10H8M5.5 7.5 8 10l-2.5 2.5M17.5 10H12m2.5-2.5L12 10l2.5 2.5",
  wider: "M8 10H2.5M5 7.5 2.5 10 5 12.5M12 10h5.5M15 7.5l2.5 2.5-2.5 2.5",
  lower: "M10 2.5V8M7.5 5.5 10 8l2.5-2.5M10 17.5V12m-2.5 2.5L10 12l2.5 2.5",
  higher: "M10 8V2.5M7.5 5 10 2.5 12.5 5M10 12v5.5M7.5 15l2.5 2.5 2.5-2.5",
} as const;

/** The name of an icon. */
export type IconName = keyof typeof PATHS;

/** An icon beside text that says the same; alone it needs a label around it. */
export function Icon({ name, size = 18 }: { name: IconName; size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 20 20"
      fill="none"
      stroke="currentColor"
      stroke-width="1.5"
      stroke-linecap="round"
      stroke-linejoin="round"
      aria-hidden="true"
      focusable="false"
    >
      <path d={PATHS[name]} />
    </svg>
  );
}
