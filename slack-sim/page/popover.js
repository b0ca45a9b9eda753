// Lists that open under a control, above everything else on the page, modals included.

const GAP = 4;
const MARGIN = 8;

/** Opens `popover` where it has room next to `anchor`, or closes it. */
export function setOpen(popover, isOpen, anchor) {
  if (popover.matches(":popover-open") !== isOpen) {
    if (isOpen) popover.showPopover();
    else popover.hidePopover();
  }
  if (isOpen) place(popover, anchor);
}

function place(popover, anchor) {
  const at = anchor.getBoundingClientRect();
  const { style } = popover;
  const below = innerHeight - at.bottom - GAP - MARGIN;
  const above = at.top - GAP - MARGIN;
  style.minWidth = `${at.width}px`;
  style.maxWidth = `min(${Math.max(at.width, 320)}px, 100vw - ${2 * MARGIN}px)`;
  style.maxHeight = "none";
  const height = Math.min(popover.scrollHeight, 320);
  const isBelow = below >= height || below >= above;
  style.maxHeight = `${Math.min(320, isBelow ? below : above)}px`;
  const { width } = popover.getBoundingClientRect();
  style.left = `${Math.max(MARGIN, Math.min(at.left, innerWidth - width - MARGIN))}px`;
  style.top = isBelow ? `${at.bottom + GAP}px` : "auto";
  style.bottom = isBelow ? "auto" : `${innerHeight - at.top + GAP}px`;
}
