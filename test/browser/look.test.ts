import t from 'tap'
import { findChromium } from '../helpers/browser.ts'
import { lookAtAll } from '../helpers/every-page.ts'

const chromium = await findChromium()
if ('hindrance' in chromium) t.pass('no Chromium', { skip: chromium.hindrance })
else await lookAtAll(t, chromium.path, ['light', 'dark'])
