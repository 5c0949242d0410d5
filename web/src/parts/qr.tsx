// A QR code, drawn as one path; what makes it is loaded when one is shown.

import { useEffect, useState } from "preact/hooks";

interface Drawn {
  size: number;
  path: string;
}

/** Text as a QR code, with what it is for those who do not see it. */
export function Qr({ text, label }: { text: string; label: string }) {
  const [drawn, draw] = useState<Drawn | "long">();
  useEffect(() => {
    let shown = true;
    void import("uqr").then(({ encode }) => {
      if (shown) draw(drawing(() => encode(text, { ecc: "L", border: 2 })));
    });
    return () => {
      shown = false;
    };
  }, [text]);
  if (drawn === "long") return <p class="muted">It is too long for a QR code; send the text.</p>;
  if (drawn === undefined) return <div class="qr" aria-hidden="true" />;
  return (
    <svg class="qr" viewBox={`0 0 ${drawn.size} ${drawn.size}`} role="img" aria-label={label}>
      <rect width="100%" height="100%" fill="#fff" />
      <path d={drawn.path} fill="#000" shape-rendering="crispEdges" />
    </svg>
  );
}

function drawing(make: () => { size: number; data: boolean[][] }): Drawn | "long" {
  try {
    const { size, data } = make();
    const runs = data.flatMap((row, y) => row.map((dark, x) => (dark ? `M${x} ${y}h1v1h-1z` : "")));
    return { size, path: runs.join("") };
  } catch {
    return "long";
  }
}
